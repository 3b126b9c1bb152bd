"""The tables of ``python -m bench.validity solvers``, in Markdown, and their means as JSON, for boards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bench.validity.episodes import Episode
from bench.validity.items import FaultRow, fault_rows
from bench.validity.kept import Kept
from bench.validity.solvers import BOUNDS, MEASURED, Scores, bound_of, floor_of
from domain.generator import GENERATOR_VERSION
from domain.rubric import RUBRIC
from domain.types import TASK_IDS, TaskId

NEAREST = 5


class Result(NamedTuple):
    """All that was measured on one task."""

    task_id: TaskId
    learned: int
    judged: Sequence[Episode]
    scores: Sequence[Scores]

    @property
    def floor(self) -> float:
        return floor_of(self.scores)

    def bound(self, one: Scores) -> float | None:
        return bound_of(one, self.floor)

    def exceeding(self) -> list[Scores]:
        """The programs whose interval lies above their bound."""
        found = []
        for one in self.scores:
            bound = self.bound(one)
            if bound is not None and one.interval()[0] > bound:
                found.append(one)
        return found

    @property
    def respondents(self) -> list[Scores]:
        """All but the revealed truth, which solves everything."""
        return [one for one in self.scores if one.solver != "oracle"]

    def rows(self) -> list[FaultRow]:
        return fault_rows(self.judged, self.respondents)


def render(
    results: Mapping[TaskId, Result], *, split: str, command: str, kept: Mapping[TaskId, Kept] | None = None
) -> str:
    """The page.

    Args:
        results: what was measured.
        split: of the judged episodes.
        command: what printed it.
        kept: tasks of an earlier page, for those that were not measured.
    """
    parts: dict[TaskId, Kept] = {**(kept or {}), **{task: _part(result) for task, result in results.items()}}
    parts = {task: parts[task] for task in TASK_IDS if task in parts}
    learned = ", ".join(f"{one.learned} of {task}" for task, one in parts.items())
    judged = ", ".join(f"{one.judged} of {task}" for task, one in parts.items())
    lines = [
        "# What programs score that do not reason",
        "",
        f"Printed by `{command}`, generator version {GENERATOR_VERSION}. Each program learned from public episodes of the split `train` ({learned})",
        f"and is judged on episodes of the split `{split}` ({judged}), whose names and spellings it never saw. Mean score with its 95 % bootstrap",
        "interval. A score that is not clearly above these numbers shows nothing.",
        "",
        *_summary(parts),
    ]
    for task, one in parts.items():
        lines += ["", f"## {task}", "", one.section]
    return "\n".join(lines) + "\n"


def _part(result: Result) -> Kept:
    cells = {one.solver: _cell(one, result.bound(one)) for one in result.scores}
    lines = _faults(result)
    if result.task_id in MEASURED:
        lines += ["", *_nearest(result)]
    return Kept(result.learned, len(result.judged), cells, "\n".join(lines))


def figures(results: Mapping[TaskId, Result], *, split: str, command: str) -> dict[str, Any]:
    """The first table of the page as a JSON object."""
    return {
        "command": command,
        "generator_version": GENERATOR_VERSION,
        "rubric_version": RUBRIC.version,
        "split": split,
        "tasks": {
            task: {"episodes": len(result.judged), "programs": {one.solver: _figure(one) for one in result.scores}}
            for task, result in results.items()
        },
    }


def _figure(one: Scores) -> dict[str, float]:
    low, high = one.interval()
    return {"mean": round(one.mean, 3), "low": round(low, 3), "high": round(high, 3)}


def _summary(parts: Mapping[TaskId, Kept]) -> list[str]:
    # In the order of the task with most programs: others lack some of them.
    longest = max(parts.values(), key=lambda one: len(one.cells))
    names = list(dict.fromkeys([*longest.cells, *(name for one in parts.values() for name in one.cells)]))
    lines = ["| program | " + " | ".join(parts) + " |", "| --- |" + " --- |" * len(parts)]
    for name in names:
        lines.append(f"| {name} | " + " | ".join(one.cells.get(name, "-") for one in parts.values()) + " |")
    limits = ", ".join(f"{group} + {gap:.2f}" for group, gap in BOUNDS.items())
    reported = [task for task in parts if task not in MEASURED]
    rest = f" {' and '.join(reported).capitalize()}: reported, no bound." if reported else ""
    return [*lines, "", f"Bounds on {' and '.join(sorted(MEASURED))}, above the best constant answer: {limits}.{rest}"]


def _cell(one: Scores, bound: float | None) -> str:
    low, high = one.interval()
    text = f"{one.mean:.3f} ({low:.3f} to {high:.3f})"
    if bound is None:
        return text
    verdict = "within" if one.mean <= bound else "above" if low > bound else "about at"
    return f"{text}, {verdict} {bound:.3f}"


def _faults(result: Result) -> list[str]:
    names = [one.solver for one in result.respondents]
    lines = [
        "Mean score by fault. *Difficulty*: the mean over all programs. *Discrimination*: the mean correlation of an episode's score with the rest.",
        "",
        "| fault | episodes | " + " | ".join(names) + " | difficulty | discrimination |",
        "| --- | --- |" + " --- |" * (len(names) + 2),
    ]
    for row in result.rows():
        cells = " | ".join(f"{row.means[name]:.2f}" for name in names)
        known = "-" if row.discrimination is None else f"{row.discrimination:.2f}"
        lines.append(f"| `{row.fault_id}` | {row.episodes} | {cells} | {row.difficulty:.2f} | {known} |")
    return lines


def _nearest(result: Result) -> list[str]:
    bounds = {group: result.floor + gap for group, gap in BOUNDS.items()}
    groups = {one.solver: one.group for one in result.scores}
    rows = sorted(result.rows(), key=lambda row: -row.nearest(bounds, groups)[0])[:NEAREST]
    found = [(row, *row.nearest(bounds, groups)) for row in rows]
    return [
        f"The {NEAREST} faults nearest to a bound, or farthest above it: "
        + ", ".join(f"`{row.fault_id}` {gap:+.2f} ({name})" for row, gap, name in found)
        + "."
    ]
