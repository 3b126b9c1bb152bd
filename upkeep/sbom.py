"""The packages of a Python environment as a software bill of materials: CycloneDX 1.6, JSON.

Run by the Python of the environment that is described: ``PYTHON upkeep/sbom.py``. So it imports the standard library only. The
same environment gives the same bytes: no time, no random number.
"""

from __future__ import annotations

import json
import re
import sys
import uuid
from importlib.metadata import Distribution, distributions
from typing import Any, Iterable, Mapping

OURS = "openenv-mlops-debug-env"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LONGEST_LICENSE = 80
"""Some packages give the whole text."""


def sbom_of(found: Iterable[Distribution], *, described: str = OURS) -> dict[str, Any]:
    """The document of these packages, of which one is what it describes."""
    by_name = {_normal(each.metadata["Name"]): each for each in found}
    components = {name: _component(name, each) for name, each in sorted(by_name.items())}
    main = {**components.pop(described), "type": "application"}
    identity = json.dumps([main, *components.values()], sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, identity)}",
        "version": 1,
        "metadata": {"component": main},
        "components": list(components.values()),
        "dependencies": [
            {"ref": _purl(name, each), "dependsOn": [_purl(other, by_name[other]) for other in _needed(each, by_name)]}
            for name, each in sorted(by_name.items())
        ],
    }


def _component(name: str, each: Distribution) -> dict[str, Any]:
    purl = _purl(name, each)
    component = {"type": "library", "bom-ref": purl, "name": name, "version": each.version, "purl": purl}
    return component | _licenses(each)


def _licenses(each: Distribution) -> dict[str, Any]:
    """None where the package does not say it in a few words."""
    expressions = each.metadata.get_all("License-Expression")
    if expressions:
        return {"licenses": [{"expression": expressions[0]}]}
    named = "".join(each.metadata.get_all("License") or ()).strip()
    if not named or len(named) > _LONGEST_LICENSE or "\n" in named:
        classified = [text for text in each.metadata.get_all("Classifier") or () if text.startswith("License ::")]
        named = classified[0].rpartition(" :: ")[2] if classified else ""
    return {"licenses": [{"license": {"name": named}}]} if named else {}


def _needed(each: Distribution, by_name: Mapping[str, Distribution]) -> list[str]:
    """What it requires, as far as it is installed; of extras, nothing says whether they were wanted."""
    plain = (text for text in each.requires or () if "extra ==" not in text)
    names = {_normal(match[0]) for text in plain if (match := _NAME.match(text)) is not None}
    return sorted(names & by_name.keys())


def _purl(name: str, each: Distribution) -> str:
    return f"pkg:pypi/{name}@{each.version}"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    json.dump(sbom_of(distributions()), sys.stdout, indent=1)
    sys.stdout.write("\n")
