"""What checks, reports and blocks of details measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mlops_debug_env.agents.declared.log import LOG
from mlops_debug_env.protocol.types import ArtifactName

STATISTICS: ArtifactName = "dataset_stats.json"
RESULTS: ArtifactName = "eval_results.json"
PREVIOUS: ArtifactName = "previous_run.json"


class Checks:
    """What checks, reports and blocks of details measured, by name; what was not looked at is empty."""

    def __init__(self, measured: Mapping[str, Mapping[str, Any]]) -> None:
        self._measured = measured

    def __contains__(self, check: str) -> bool:
        return check in self._measured

    def get(self, check: str, *names: str) -> Any:
        """A number, list or dictionary of a check, report or block; None where it is not known."""
        found: Any = self._measured.get(check)
        for name in names:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    def number(self, check: str, *names: str) -> float:
        """A number of a check; NaN where it is not known."""
        found = self.get(check, *names)
        return math.nan if found is None else float(found)

    def by_name(self, check: str, *names: str) -> dict[str, float]:
        """The numbers of a dictionary that are not null."""
        found = self.get(check, *names)
        return {name: float(value) for name, value in (found or {}).items() if value is not None}

    @property
    def classes(self) -> tuple[str, ...]:
        """In the order of the model's outputs."""
        return tuple(self.get(STATISTICS, "classes") or self.get(RESULTS, "confusion", "validation") or ())

    def rows_of(self, source: str, name: str) -> float:
        """Rows of a source by what became of them: `read`, `outside_window` or `used`. The log counts them as the statistics do."""
        reports = (report for report in (STATISTICS, LOG) if self.get(report, "sources") is not None)
        return self.number(next(reports, STATISTICS), "sources", source, name)

    def by_source(self, block: str, sources: tuple[str, ...]) -> dict[str, Mapping[str, Any]]:
        """The blocks of the sources that were looked at."""
        found = {source: self._measured.get(f"{source}.{block}") for source in sources}
        return {source: each for source, each in found.items() if each is not None}
