"""The page of licences is what the packages say, and every one says something."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from upkeep.checkout import ROOT
from upkeep.licences import PAGE, SHIPPED, UNKNOWN, pinned_here, row_of

ROWS = {line.split("|")[1].strip(): line for line in PAGE.read_text().splitlines() if line.startswith("| ")}


def is_installed_as_pinned(name: str, pinned: str) -> bool:
    try:
        return version(name) == pinned
    except PackageNotFoundError:
        return False


def test_every_pinned_package_has_a_row_with_a_licence() -> None:
    for pin in pinned_here():
        if pin.requirement.marker is None or pin.name == "numpy":
            assert pin.name in ROWS
    for line in ROWS.values():
        assert UNKNOWN not in line


def test_the_rows_are_what_the_installed_packages_say() -> None:
    compared = [pin for pin in pinned_here() if is_installed_as_pinned(pin.name, pin.version)]
    print(f"{len(compared)} of {len(pinned_here())} pinned packages are installed here in the pinned version")
    for pin in compared:
        if f"| {pin.version} |" in ROWS.get(pin.name, ""):
            assert ROWS[pin.name] == row_of(pin).text


def test_what_lies_in_the_package_has_its_licence_beside_it() -> None:
    for name, licence, _ in SHIPPED:
        folder = ROOT / name.partition("`")[2].rstrip("`)")
        assert (folder / "LICENSE").is_file()
        assert f"| {name} | {licence} |" in PAGE.read_text()
