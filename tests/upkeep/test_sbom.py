"""The bill of materials of an environment."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import distributions
from typing import Any

import pytest

from tests.e2e.running import ROOT


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """As it is made of an image, here of the environment of the tests."""
    command = [sys.executable, "-I", str(ROOT / "upkeep" / "sbom.py")]
    first, again = (subprocess.run(command, check=True, capture_output=True, timeout=60).stdout for _ in range(2))
    assert first == again
    parsed: dict[str, Any] = json.loads(first)
    return parsed


def test_it_lists_every_installed_package_with_its_version(document: dict[str, Any]) -> None:
    listed = {each["name"]: each["version"] for each in [document["metadata"]["component"], *document["components"]]}
    installed = {re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower(): each.version for each in distributions()}
    assert listed == installed
    assert document["metadata"]["component"]["name"] == "openenv-mlops-debug-env"


def test_each_package_is_named_as_the_index_names_it_and_has_a_license(document: dict[str, Any]) -> None:
    for each in document["components"]:
        assert each["purl"] == each["bom-ref"] == f"pkg:pypi/{each['name']}@{each['version']}"
    licensed = [each for each in document["components"] if each.get("licenses")]
    assert len(licensed) > 0.9 * len(document["components"])
    assert all(len(json.dumps(each["licenses"])) < 400 for each in licensed)


def test_the_dependencies_name_packages_that_are_listed(document: dict[str, Any]) -> None:
    refs = {each["bom-ref"] for each in [document["metadata"]["component"], *document["components"]]}
    needed = {each["ref"]: each["dependsOn"] for each in document["dependencies"]}
    assert set(needed) == refs
    assert {one for each in needed.values() for one in each} <= refs
    starlette = next(each for each in needed if each.startswith("pkg:pypi/starlette@"))
    assert any(one.startswith("pkg:pypi/anyio@") for one in needed[starlette])


def test_the_form_is_cyclonedx(document: dict[str, Any]) -> None:
    assert (document["bomFormat"], document["specVersion"], document["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", document["serialNumber"])
