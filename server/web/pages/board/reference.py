"""What programs score that do not reason, as a band to read a board against.

The figures are those of docs/explanation/floor.md, for the generator of the default suite.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Mapping, NamedTuple, Sequence

_SUITE = "ranked-3"
PROGRAMS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "best constant answer": {"hard": 0.164, "expert": 0.255},
        "reader of config, code and changes": {"hard": 0.198, "expert": 0.235},
        "learned from the checks": {"hard": 0.291, "expert": 0.304},
        "learned from everything": {"hard": 0.399, "expert": 0.332},
    }
)
"""Program to its mean score by task."""


class ReferenceBand(NamedTuple):
    """The lowest and the highest score of the programs on a suite."""

    low: float
    high: float
    programs: Mapping[str, float]


def reference_band(suite_id: str, entries: Sequence[str]) -> ReferenceBand | None:
    """The programs on the tasks of a suite. None: they were not measured on all of them."""
    if suite_id != _SUITE or not all(set(entries) <= set(by_task) for by_task in PROGRAMS.values()):
        return None
    scores = {name: sum(by_task[task] for task in entries) / len(entries) for name, by_task in PROGRAMS.items()}
    return ReferenceBand(min(scores.values()), max(scores.values()), scores)
