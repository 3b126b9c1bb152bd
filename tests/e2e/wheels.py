"""Builds the wheel, and environments that have the project from it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.e2e.running import ROOT

BUILD_SECONDS = 120


def bare_environment() -> dict[str, str]:
    """This environment without anything that would lead a child to this tree or to a database."""
    dropped = ("PYTHON", "MLOPS_DEBUG_", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)}


def run_pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(
        command, env=bare_environment(), capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def build_wheel(directory: Path) -> Path:
    """The wheel of this tree, built without the network where the build backend is at hand."""
    isolation = ["--no-build-isolation"] if find_spec("hatchling") else []
    run_pip("wheel", "--no-deps", *isolation, "--wheel-dir", str(directory), str(ROOT))
    (built,) = directory.glob("*.whl")
    return built


def create_environment(directory: Path, wheel: Path) -> tuple[Path, Path]:
    """The interpreter and the packages of a new environment that has the wheel, and none of what it needs."""
    venv.create(directory, with_pip=False, symlinks=True)
    python = directory / "bin" / "python"
    run_pip("--python", str(python), "install", "--no-deps", "--no-index", str(wheel))
    paths = sysconfig.get_paths("venv", vars={"base": str(directory), "platbase": str(directory)})
    return python, Path(paths["purelib"])


def link_requirements(packages: Path, project: str) -> set[str]:
    """Link what an installation of the project without extras brings, out of the running environment; returns the names."""
    (installed,) = Distribution.discover(name=project, path=[str(packages)])
    linked: dict[str, Distribution] = {}
    for each in _required(installed, frozenset()):
        _collect(each, linked)
    for found in linked.values():
        for name in {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}:
            (packages / name).symlink_to(Path(str(found.locate_file(name))))
    return set(linked)


def _collect(requirement: Requirement, linked: dict[str, Distribution]) -> None:
    name = canonicalize_name(requirement.name)
    key = f"{name}[{','.join(sorted(requirement.extras))}]" if requirement.extras else name
    if key in linked:
        return
    try:
        linked[key] = found = distribution(name)
    except PackageNotFoundError as error:
        raise AssertionError(f"{requirement} is not installed here") from error
    for each in _required(found, frozenset(requirement.extras)):
        _collect(each, linked)


def _required(installed: Distribution, extras: frozenset[str]) -> Iterator[Requirement]:
    """What a distribution needs here, with some of its extras."""
    for each in map(Requirement, installed.requires or ()):
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in (extras or {""})):
            yield each
