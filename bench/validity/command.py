"""``python -m bench.validity canaries``: scores every canary, compares it with the blind floor, and writes the pages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from bench.validity.blind_answers import BLIND, fresh_scenarios
from bench.validity.composed_blind_answers import COMPOSED_BLIND, composed_scenarios
from bench.validity.composed_floor import ComposedFloor, composed_floor
from bench.validity.difficulty import render_difficulty
from bench.validity.floor import Floor, blind_floor
from bench.validity.text_classifiers import Readings, read
from domain.faults import CATALOGUE, POOLS
from domain.generator import GENERATOR_VERSION
from domain.types import COMPOSED_TASK, SINGLE_FAULT_TASKS, TaskId

FIRST_SEED = 60_000_000
FLOOR_BOUNDS: dict[TaskId, float] = {"easy": 0.45, "medium": 0.35, "hard": 0.25, "expert": 0.25}
TOLERANCE = 0.02
"""How far above the floor a blind agent may come."""
MAX_NOP = 0.05
MAX_LISTED_FAULTS = 8
"""So many faults are named that preprocessing.py gives away most often."""
MAX_NAMED_FROM_CODE = 0.30
"""Share of the faults that a bag of words may name, without knowing the task, from preprocessing.py in styles it never saw, give or
take three standard deviations of the sample."""


class BlindScores(NamedTuple):
    """Floor and blind agents of one task."""

    floor: Floor
    scores: dict[str, float]

    @property
    def is_fine(self) -> bool:
        worst = max(self.scores.values())
        is_low = self.floor.score <= FLOOR_BOUNDS[self.floor.task_id] and worst <= self.floor.score + TOLERANCE
        return is_low and self.scores["nop"] <= MAX_NOP


def blind_scores(task_id: TaskId, *, seeds: int) -> BlindScores:
    """Scores of every blind agent on fresh scenarios of a task, `seeds` a fault."""
    scenarios = list(fresh_scenarios(task_id, first_seed=FIRST_SEED, seeds=seeds))
    return BlindScores(blind_floor(task_id), {name: canary(scenarios) for name, canary in BLIND.items()})


class ComposedScores(NamedTuple):
    """Floor and blind agents of the expert task."""

    floor: ComposedFloor
    scores: dict[str, float]
    healthy: int
    """Healthy runs among the scenarios."""

    @property
    def is_fine(self) -> bool:
        """Saying that nothing is wrong is right on every healthy run: there it is no sign of a leak."""
        worst = max(self.scores.values())
        return self.floor.score <= FLOOR_BOUNDS[COMPOSED_TASK] and worst <= self.floor.score + TOLERANCE


def composed_scores(*, healthy: int) -> ComposedScores:
    """Scores of every blind agent on fresh scenarios of the expert task."""
    scenarios = list(composed_scenarios(first_seed=FIRST_SEED, healthy=healthy))
    scores = {name: canary(scenarios) for name, canary in COMPOSED_BLIND.items()}
    return ComposedScores(composed_floor(), scores, healthy)


def run_canaries(
    sizes: tuple[int, int] | None, *, seeds: int, folder: Path | None, progress: Callable[[str], None]
) -> tuple[str, bool]:
    """All figures as a page, and whether they keep their bounds.

    Args:
        sizes: public and held-out episodes for the classifiers; None: blind agents only.
        seeds: fresh scenarios a fault for the blind agents.
        folder: where to write the pages; None: nowhere.
        progress: receives progress messages.
    """
    progress("blind agents")
    blind = {task_id: blind_scores(task_id, seeds=seeds) for task_id in SINGLE_FAULT_TASKS}
    expert = composed_scores(healthy=2 * seeds)
    readings = None if sizes is None else read(*sizes, progress)
    page = render_floor(blind, expert, readings, seeds=seeds)
    if folder is not None:
        (folder / "floor.md").write_text(page)
        if readings is not None:
            render_difficulty(readings, folder, progress)
    is_fine = expert.is_fine and all(one.is_fine for one in blind.values()) and (readings is None or _is_fine(readings))
    return page, is_fine


def _is_fine(readings: Readings) -> bool:
    deviation = (MAX_NAMED_FROM_CODE * (1 - MAX_NAMED_FROM_CODE) / readings.held_out) ** 0.5
    is_rarely_named = readings.code_of_any_task <= MAX_NAMED_FROM_CODE + 3 * deviation
    return is_rarely_named and all(one.is_within for one in readings.blind)


def render_floor(
    blind: dict[TaskId, BlindScores], expert: ComposedScores, readings: Readings | None, *, seeds: int
) -> str:
    """The page of the benchmark's floor, in Markdown."""
    lines = [
        "# The floor: what an agent scores without investigating",
        "",
        f"Printed by `python -m bench.validity canaries --write docs/explanation`, generator version {GENERATOR_VERSION}. A score that is not clearly above these",
        "numbers shows nothing.",
        "",
        "## Blind agents",
        "",
        f"Mean scores over {seeds} fresh scenarios of each fault. *Blind floor*: the best constant answer of all, computed.",
        "",
        "| agent | " + " | ".join(f"{task} ({len(POOLS[task])} faults)" for task in SINGLE_FAULT_TASKS) + " |",
        "| --- | " + " | ".join("---" for _ in SINGLE_FAULT_TASKS) + " |",
        "| **blind floor** | " + " | ".join(f"**{blind[task].floor.score:.3f}**" for task in SINGLE_FAULT_TASKS) + " |",
    ]
    for name in BLIND:
        lines.append(
            f"| {name} | " + " | ".join(f"{blind[task].scores[name]:.3f}" for task in SINGLE_FAULT_TASKS) + " |"
        )
    lines += _expert_lines(expert)
    return "\n".join(lines + (_reading_lines(readings) if readings else [])) + "\n"


def _expert_lines(expert: ComposedScores) -> list[str]:
    none, one, two = expert.floor.by_length
    return [
        "",
        "### The expert task",
        "",
        f"Mean scores over {expert.healthy} healthy runs, {2 * expert.healthy} with one fault and {2 * expert.healthy} with two. A healthy run",
        "is one in five, and the empty list is right there: saying that nothing is wrong is what knowing nothing is worth.",
        "",
        "| agent | expert |",
        "| --- | --- |",
        f"| **blind floor**: the empty list {none:.3f}, the best one entry {one:.3f}, the best two {two:.3f} | **{expert.floor.score:.3f}** |",
        *(f"| {name} | {score:.3f} |" for name, score in expert.scores.items()),
    ]


def _reading_lines(readings: Readings) -> list[str]:
    lines = [
        "",
        "## Readers of words",
        "",
        f"Trained on {readings.episodes} public episodes; the task is known to them. Share of fresh episodes whose fault they name. Beside them",
        "the heuristic agent, which is trained on nothing and knows no catalogue, and the oracle, which is shown the truth:",
        "",
        "| reader | styles it was trained on | styles it never saw |",
        "| --- | --- | --- |",
        *(f"| {one.name} | {one.known_styles:.3f} | {one.held_out_styles:.3f} |" for one in readings.naming),
        "",
        f"Not told the task, the bag of words names {readings.code_of_any_task:.3f} from preprocessing.py in styles it never saw (aim: at most {MAX_NAMED_FROM_CODE:.2f}).",
        "",
        _what_code_gives_away(readings.code_recalls),
        "",
        "What their answers score in styles they never saw, with the repair of the fault they name:",
        "",
        "| agent | " + " | ".join(SINGLE_FAULT_TASKS) + " |",
        "| --- | " + " | ".join("---" for _ in SINGLE_FAULT_TASKS) + " |",
    ]
    for name, scores in readings.scores.items():
        lines.append(f"| {name} | " + " | ".join(f"{scores[task]:.3f}" for task in SINGLE_FAULT_TASKS) + " |")
    return [
        *lines,
        "",
        "Reading evidence is what agents are meant to do: these are no cheaters, and the revealed truth scores 0.95 to 0.99.",
        "",
        "## Where nothing can be known",
        "",
        "| text | accuracy | chance | within 3 standard deviations |",
        "| --- | --- | --- | --- |",
        *(
            f"| {one.name} | {one.accuracy:.3f} | {one.chance:.3f} ± {3 * one.deviation:.3f} | {'yes' if one.is_within else 'no'} |"
            for one in readings.blind
        ),
    ]


def _what_code_gives_away(recalls: dict[str, float]) -> str:
    """Which faults preprocessing.py alone gives away, in a sentence: those that change it, and of them the plainest."""
    shown = {
        is_shown: [
            share for fault, share in recalls.items() if ("preprocessing.py" in CATALOGUE[fault].causal) == is_shown
        ]
        for is_shown in (True, False)
    }
    most = sorted(recalls, key=lambda fault: -recalls[fault])[:MAX_LISTED_FAULTS]
    named = ", ".join(f"`{fault}` {recalls[fault]:.2f}" for fault in most)
    return (
        f"Told the task, it names {fmean(shown[True] or [0.0]):.2f} of the faults that change preprocessing.py and "
        f"{fmean(shown[False] or [0.0]):.2f} of those that do not, by their task alone. Most often: {named}."
    )
