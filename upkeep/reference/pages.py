"""The generated pages of docs/reference: rendered, written and compared."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Callable, Mapping, NamedTuple

from upkeep.checkout import ROOT
from upkeep.reference import commands, events, faults, fields, routes, settings

FOLDER = ROOT / "docs" / "reference"
_MADE = "<!-- Made from the code by `make reference`. -->\n"


class Page(NamedTuple):
    """One page."""

    title: str
    body: Callable[[], str]


PAGES: Mapping[str, Page] = MappingProxyType(
    {
        "routes.md": Page("Routes and problems", routes.render),
        "settings.md": Page("Settings", settings.render),
        "events.md": Page("Events", events.render),
        "faults.md": Page("Faults", faults.render),
        "fields.md": Page("Fields", fields.render),
        "commands.md": Page("Commands", commands.render),
    }
)


def render_page(name: str) -> str:
    page = PAGES[name]
    return f"{_MADE}\n# {page.title}\n\n{page.body()}"


def write_pages(folder: Path = FOLDER) -> list[Path]:
    """Write every generated page; returns their paths."""
    folder.mkdir(exist_ok=True)
    for name in PAGES:
        (folder / name).write_text(render_page(name))
    return [folder / name for name in PAGES]


def outdated_pages(folder: Path = FOLDER) -> list[Path]:
    """The pages that are missing or differ from the code, and generated pages that no longer exist."""
    differing = [folder / name for name in PAGES if _read(folder / name) != render_page(name)]
    leftover = [
        each for each in sorted(folder.glob("*.md")) if each.name not in PAGES and _read(each).startswith(_MADE)
    ]
    return differing + leftover


def _read(path: Path) -> str:
    return path.read_text() if path.is_file() else ""
