"""The constraints satisfy pyproject.toml, completely, with hashes, and without an index address."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from upkeep.checkout import EVERY_PYTHON, ROOT
from upkeep.constraints import BUILD, EXTRAS, INSTALL, build_requirements, read_pins

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def asked_by(extra: str) -> list[str]:
    """The requirements of an extra, with those of the extras that it names."""
    requirements = [Requirement(each) for each in PROJECT["optional-dependencies"][extra]]
    own = [each for each in requirements if each.name == PROJECT["name"]]
    further = [each for named in own for name in named.extras for each in asked_by(name)]
    return [*further, *(str(each) for each in requirements if each not in own)]


ASKED = [*PROJECT["dependencies"], *(each for extra in EXTRAS for each in asked_by(extra))]


def environment(python: str) -> dict[str, str]:
    linux = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "extra": ""}
    return {**default_environment(), **linux, "python_version": python, "python_full_version": f"{python}.0"}


@pytest.mark.parametrize("python", EVERY_PYTHON)
@pytest.mark.parametrize(("path", "asked"), [(INSTALL, ASKED), (BUILD, build_requirements())], ids=["install", "build"])
def test_every_requirement_is_pinned_once_to_a_version_that_it_allows(
    path: object, asked: list[str], python: str
) -> None:
    here = [
        pin
        for pin in read_pins(INSTALL if path == INSTALL else BUILD)
        if pin.requirement.marker is None or pin.requirement.marker.evaluate(environment(python))
    ]
    pinned = {pin.name: pin.version for pin in here}
    assert len(pinned) == len(here)
    for each in map(Requirement, asked):
        assert each.specifier.contains(pinned[canonicalize_name(each.name)]), each


@pytest.mark.parametrize("path", [INSTALL, BUILD], ids=lambda path: path.name)
def test_every_package_has_hashes_and_no_address_is_named(path: object) -> None:
    file = INSTALL if path == INSTALL else BUILD
    for pin in read_pins(file):
        assert pin.hashes
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", each) for each in pin.hashes), pin.name
    text = file.read_text()
    assert "://" not in text
    assert not re.search(r"^-", text, flags=re.MULTILINE)


def test_the_image_has_the_server() -> None:
    assert any(each.startswith("uvicorn") for each in ASKED)


def test_the_pythons_are_those_of_the_project() -> None:
    named = [each.rpartition(" ")[2] for each in PROJECT["classifiers"] if "Python :: 3." in each]
    assert tuple(named) == EVERY_PYTHON
