"""What the package says about itself."""

from __future__ import annotations

import tomllib
from importlib.util import find_spec
from pathlib import Path

import yaml

from server.version import VERSION

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_classifiers_exist() -> None:
    from trove_classifiers import classifiers  # of hatchling

    assert set(PROJECT["classifiers"]) <= classifiers


def test_the_systems_the_types_and_the_license_are_declared() -> None:
    assert {"Operating System :: POSIX :: Linux", "Typing :: Typed"} <= set(PROJECT["classifiers"])
    # A license expression excludes the older classifiers of licenses.
    assert PROJECT["license"] == "MIT"
    assert not [each for each in PROJECT["classifiers"] if each.startswith("License ::")]


def test_the_citation_is_of_this_version_license_and_authors() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["cff-version"], citation["type"]) == ("1.2.0", "software")
    assert (citation["version"], citation["license"]) == (VERSION, PROJECT["license"])
    assert citation["keywords"] == PROJECT["keywords"]
    (author,) = citation["authors"]
    assert author["name"] in (ROOT / "LICENSE").read_text()


def test_what_inspect_finds_by_an_entry_point_is_there() -> None:
    for module in PROJECT["entry-points"]["inspect_ai"].values():
        assert find_spec(module) is not None


def test_no_package_is_required_of_a_client_that_only_the_server_needs() -> None:
    assert not {"numpy", "sqlalchemy", "cryptography", "uvicorn"} & {
        each.partition(">")[0].partition("[")[0] for each in PROJECT["dependencies"]
    }
