"""How hard each fault is: what checks see, how far it lies from its twin, and how often words alone give it away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from bench.validity.composed import expert_lines, measure_expert
from bench.validity.text_classifiers import Readings
from domain.faults import CATALOGUE
from domain.generator import TWIN_OF, generate
from domain.scenario import Evidence

FIRST_SEED = 61_000_000
SEEDS = 20


class Difficulty(NamedTuple):
    """One fault over a number of seeds."""

    fault_id: str
    noticed: float
    """Share of the seeds in which a check flags that does not flag in the twin."""
    checks: list[tuple[str, float]]
    """Checks that flag though the twin's do not, most frequent first, with their shares."""
    val_fall: float
    """Mean of the twin's reported validation accuracy minus the run's."""
    test_fall: float
    changed_lines: float
    """Mean number of lines, over all artifacts, that the twin does not have."""


def measure_difficulty(fault_id: str) -> Difficulty:
    """Compare planted runs with their twins."""
    task_id = CATALOGUE[fault_id].task_id
    flags: Counter[str] = Counter()
    noticed, falls, lines = 0, [], []
    for seed in range(FIRST_SEED, FIRST_SEED + SEEDS):
        run, twin = (generate(task_id, seed, fault=fault).evidence for fault in (fault_id, TWIN_OF + fault_id))
        seen = [name for name in run.checks if run.checks[name].flag and not twin.checks[name].flag]
        flags.update(seen)
        noticed += bool(seen)
        falls.append([_accuracy(twin, name) - _accuracy(run, name) for name in ("reported_val", "reported_test")])
        lines.append(_changed_lines(run, twin))
    shares = [(name, count / SEEDS) for name, count in flags.most_common(3)]
    val_fall, test_fall = (fmean(fall[place] for fall in falls) for place in (0, 1))
    return Difficulty(fault_id, noticed / SEEDS, shares, val_fall, test_fall, fmean(lines))


def _accuracy(evidence: Evidence, name: str) -> float:
    return float(evidence.checks["metric_gap_analysis"].measured[name])


def _changed_lines(run: Evidence, twin: Evidence) -> int:
    return sum(
        len(set(run.artifacts[name].splitlines()) - set(twin.artifacts[name].splitlines())) for name in run.artifacts
    )


def render_difficulty(readings: Readings, folder: Path, say: Callable[[str], None]) -> None:
    """Write difficulty.md and, where Matplotlib is installed, difficulty.svg."""
    say("measuring every fault against its twin")
    rows = [measure_difficulty(fault_id) for fault_id in CATALOGUE]
    is_drawn = _draw(rows, readings, folder / "difficulty.svg")
    page = render_page(rows, readings, is_drawn=is_drawn) + "\n".join(expert_lines(measure_expert())) + "\n"
    (folder / "difficulty.md").write_text(page)


def render_page(rows: list[Difficulty], readings: Readings, *, is_drawn: bool) -> str:
    """The page, in Markdown."""
    lines = [
        "# How hard each fault is",
        "",
        f"Printed by `python -m bench.validity canaries --write docs/explanation`: {SEEDS} seeds a fault, each run beside its twin. *Noticed*: a check flags that does",
        "not flag in the twin. *Fall*: the twin's reported accuracy minus the run's. *Words*: how often a bag of words over the whole",
        f"evidence, trained on {readings.episodes} public episodes, names the fault in styles it never saw.",
        "",
        *(["![Difficulty of each fault](difficulty.svg)", ""] if is_drawn else []),
        "| fault | task | noticed | by | val fall | test fall | lines | words |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        by = ", ".join(f"{name} {share:.2f}" for name, share in row.checks) or "no check"
        words = readings.recalls.get(row.fault_id)
        lines.append(
            f"| `{row.fault_id}` | {CATALOGUE[row.fault_id].task_id} | {row.noticed:.2f} | {by} | {row.val_fall:+.3f}"
            f" | {row.test_fall:+.3f} | {row.changed_lines:.0f} | {'-' if words is None else f'{words:.2f}'} |"
        )
    return "\n".join(lines) + "\n"


def _draw(rows: list[Difficulty], readings: Readings, path: Path) -> bool:
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        return False
    figure = Figure(figsize=(9, 10), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    places = range(len(rows))
    left.barh(places, [row.noticed for row in rows], color="#4c78a8", label="noticed by a check")
    left.barh(
        places,
        [readings.recalls.get(row.fault_id, 0.0) for row in rows],
        height=0.35,
        color="#f58518",
        label="named by words",
    )
    left.set_yticks(places, [f"{row.fault_id} ({CATALOGUE[row.fault_id].task_id})" for row in rows], fontsize=7)
    left.set_xlabel("share of seeds")
    left.legend(fontsize=7, loc="lower left")
    left.invert_yaxis()
    right.barh(places, [row.test_fall for row in rows], color="#54a24b", label="test")
    right.barh(places, [row.val_fall for row in rows], height=0.35, color="#b279a2", label="validation")
    right.set_xlabel("accuracy below the twin's, as reported")
    right.legend(fontsize=7)
    figure.savefig(path, metadata={"Date": None})
    return True
