"""The two constraints files: every package of an installation, and of the build, with the hashes of all its files.

One file serves every supported Python, by markers. It names no index: pip uses the configured one.
"""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from upkeep.checkout import EVERY_PYTHON, ROOT

INSTALL = ROOT / "constraints.txt"
BUILD = ROOT / "constraints-build.txt"
EXTRAS = ("postgres",)
"""Extras that the image installs."""
_HEADERS = {
    INSTALL: "# What an installation with [postgres], and so with [server], brings, on every supported Python. Made by `make constraints`; used by\n"
    "# pip install --require-hashes -r constraints.txt && pip install --no-deps .\n",
    BUILD: "# What builds the wheel. Made by `make constraints`.\n",
}


class Pin(NamedTuple):
    """One package of a constraints file."""

    name: str
    """Canonical."""
    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def version(self) -> str:
        (only,) = self.requirement.specifier
        return only.version


def resolve() -> None:
    """Write both files with the newest versions that pyproject.toml allows."""
    extras = [word for extra in EXTRAS for word in ("--extra", extra)]
    _compile(INSTALL, [str(ROOT / "pyproject.toml"), *extras], None)
    _compile(BUILD, ["-"], "\n".join(build_requirements()))


def build_requirements() -> list[str]:
    requires: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    return requires


def read_pins(path: Path) -> list[Pin]:
    """The packages of a constraints file."""
    text = path.read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [_pin(line) for line in lines]


def _pin(line: str) -> Pin:
    requirement, *hashes = line.split("--hash=")
    parsed = Requirement(requirement.strip())
    return Pin(canonicalize_name(parsed.name), parsed, tuple(each.strip() for each in hashes))


def _compile(target: Path, sources: list[str], text: str | None) -> None:
    options = ["--universal", "--python-version", EVERY_PYTHON[0], "--generate-hashes", "--no-build"]
    quiet = ["--no-annotate", "--no-header", "--no-emit-index-url", "--no-emit-find-links", "--quiet", "--upgrade"]
    ran = subprocess.run(
        ["uv", "pip", "compile", *sources, *options, *quiet],
        cwd=ROOT,
        input=text,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
    )
    target.write_text(_HEADERS[target] + ran.stdout)
