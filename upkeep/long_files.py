"""Lists long source files. A long file is a smell to look at, not an error: files are cut by subject, not by length."""

from __future__ import annotations

from pathlib import Path

MAX_LINES = 300
_PACKAGES = ("domain", "server", "mlops_debug_env", "migrations", "bench", "upkeep")


def long_files(root: Path) -> list[tuple[str, int]]:
    """Path below ``root`` and number of lines of each source file of more than ``MAX_LINES``, longest first."""
    files = [file for package in _PACKAGES for file in (root / package).rglob("*.py")]
    lengths = [(str(file.relative_to(root)), len(file.read_text().splitlines())) for file in files]
    return sorted((each for each in lengths if each[1] > MAX_LINES), key=lambda each: (-each[1], each[0]))
