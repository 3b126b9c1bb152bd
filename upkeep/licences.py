"""docs/licences.md, from what the installed packages say of themselves."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from upkeep.checkout import ROOT
from upkeep.constraints import INSTALL, Pin, read_pins

PAGE = ROOT / "docs" / "licences.md"
UNKNOWN = "not stated"
SHIPPED = (
    ("Swagger UI (`server/openapi/viewer`)", "Apache-2.0", "the page `/docs`"),
    ("uPlot (`server/pages/static/vendor/uplot`)", "MIT", "the curves of the pages"),
)
"""What lies in the package itself, with its licence beside it."""
_PRECISE = re.compile(r"[\w.+-]+( (AND|OR|WITH) [\w.+-]+)*")
_HEAD = """\
# Licences

This project: MIT. Below is what an installation brings, with `[postgres]`, in the versions of `constraints.txt`: its licence as the
package itself states it, and what it says it is. `make licences` writes this page from the installed packages; a test holds the
two together. Packages that only other systems or newer Pythons install are left out; `pip inspect` lists the exact set of an
environment.

"""


class Row(NamedTuple):
    """One package."""

    name: str
    version: str
    licence: str
    summary: str

    @property
    def text(self) -> str:
        return f"| {self.name} | {self.version} | {self.licence} | {self.summary.replace('|', '/')} |"


def render() -> str:
    """The page, where every pinned package is installed; raises ``LookupError`` naming those that are not."""
    rows = [row_of(pin) for pin in pinned_here()]
    own = direct_names()
    parts = [_HEAD]
    for title, chosen in (
        ("What the project asks for", [each for each in rows if each.name in own]),
        ("What these bring", [each for each in rows if each.name not in own]),
    ):
        parts += [f"## {title}\n\n", "| package | version | licence | what it is |\n| --- | --- | --- | --- |\n"]
        parts += [f"{each.text}\n" for each in chosen] + ["\n"]
    parts += ["## What lies in the package\n\n", "| what | licence | for |\n| --- | --- | --- |\n"]
    return "".join(parts) + "".join(f"| {name} | {licence} | {use} |\n" for name, licence, use in SHIPPED)


def pinned_here() -> list[Pin]:
    return [pin for pin in read_pins(INSTALL) if pin.is_for_here]


def direct_names() -> set[str]:
    """What pyproject.toml names for the image, canonical."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [*project["dependencies"], *project["optional-dependencies"]["postgres"]]
    return {canonicalize_name(Requirement(each).name) for each in named}


def row_of(pin: Pin) -> Row:
    try:
        told = metadata(pin.name)
    except PackageNotFoundError as error:
        raise LookupError(f"{pin.name} is not installed: install by constraints.txt first") from error
    return Row(pin.name, told["Version"], licence_of(told), (told["Summary"] or "").strip())


def licence_of(told: PackageMetadata) -> str:
    """The expression, else a licence field that is a name, else the classifiers, else that nothing is stated."""
    expression, field = told["License-Expression"], told["License"] or ""
    if expression:
        return str(expression)
    if _PRECISE.fullmatch(field):
        return field
    found = [each.split(" :: ")[-1] for each in told.get_all("Classifier", []) if each.startswith("License :: ")]
    return ", ".join(each for each in found if each != "OSI Approved") or field.partition("\n")[0].strip() or UNKNOWN
