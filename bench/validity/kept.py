"""What an earlier floor.md has of tasks that are not measured anew."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from domain.types import TASK_IDS, TaskId

_PROGRAMS = "| program |"
"""How the first table of the page begins."""
_FIGURE = re.compile(r"(?P<mean>[\d.]+) \((?P<low>[\d.]+) to (?P<high>[\d.]+)\)")


class Kept(NamedTuple):
    """One task of a page."""

    learned: int
    judged: int
    cells: Mapping[str, str]
    """Its column of the first table, by program."""
    section: str
    """What stands below its heading."""

    def figures(self) -> dict[str, Any]:
        """As floor.json has them."""
        programs = {}
        for name, cell in self.cells.items():
            if found := _FIGURE.match(cell):
                programs[name] = {key: float(value) for key, value in found.groupdict().items()}
        return {"episodes": self.judged, "programs": programs}


def read_page(page: str) -> dict[TaskId, Kept]:
    """The tasks of a page that `report.render` made; a text that is none of these has none."""
    table = [_cells(line) for line in page[page.find(_PROGRAMS) :].split("\n\n")[0].splitlines()]
    sections = dict(re.findall(r"^## (\w+)\n\n(.*?)(?=\n\n## |\Z)", page, flags=re.MULTILINE | re.DOTALL))
    found: dict[TaskId, Kept] = {}
    for task in TASK_IDS:
        counts = [int(count) for count in re.findall(rf"(\d+) of {task}\b", page)]
        if task not in sections or len(counts) < 2 or task not in table[0]:
            continue
        at = table[0].index(task)
        found[task] = Kept(counts[0], counts[1], {row[0]: row[at] for row in table[2:]}, sections[task].rstrip("\n"))
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
