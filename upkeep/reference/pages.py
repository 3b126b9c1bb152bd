"""Which pages the reference has, and where they lie."""

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


def write_pages() -> list[Path]:
    FOLDER.mkdir(exist_ok=True)
    for name in PAGES:
        (FOLDER / name).write_text(render_page(name))
    return [FOLDER / name for name in PAGES]
