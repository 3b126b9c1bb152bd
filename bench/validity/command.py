"""``python -m bench.validity solvers``: draws the episodes, trains and judges every program, writes the page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.validity.agents import AGENTS, play
from bench.validity.episodes import JUDGE_SEED, LEARN_SEED, draw_episodes
from bench.validity.kept import read_page
from bench.validity.report import Result, figures, render
from bench.validity.solvers import solve
from domain.training.style import SeedSplit
from domain.types import TASK_IDS, TaskId

PAGE = "floor.md"
FIGURES = "floor.json"
"""What boards show of the page; ``make reference`` copies it into the package."""


def run_solvers(
    tasks: Sequence[TaskId],
    *,
    learn: int,
    episodes: int,
    split: SeedSplit,
    folder: Path | None,
    workers: int,
    progress: Callable[[str], None],
    first_seed: int = JUDGE_SEED,
) -> tuple[str, bool]:
    """The page, and whether every program keeps its bound.

    Args:
        tasks: which to measure.
        learn: public episodes of each task to learn from.
        episodes: of each task to judge on.
        split: whose names and styles these have.
        folder: where to write the page and its figures, which keep what they have of other tasks; None: nowhere.
        workers: processes to draw episodes in.
        progress: receives progress messages.
        first_seed: of the episodes to judge on.
    """
    results = {
        task: measure(
            task,
            learn=learn,
            episodes=episodes,
            split=split,
            workers=workers,
            progress=progress,
            first_seed=first_seed,
        )
        for task in tasks
    }
    named = "".join(f" --task {task}" for task in tasks) if set(tasks) < set(TASK_IDS) else ""
    command = f"python -m bench.validity solvers{named} --episodes {episodes} --learn {learn} --split {split}"
    if first_seed != JUDGE_SEED:
        command += f" --first-seed {first_seed}"
    page = render(results, split=split, command=command)
    if folder is not None:
        write_page(results, folder, split=split, command=command)
    return page, not any(result.exceeding() for result in results.values())


def write_page(results: Mapping[TaskId, Result], folder: Path, *, split: SeedSplit, command: str) -> None:
    """Write floor.md and floor.json, and keep what a page there has of tasks that were not measured."""
    page, table = folder / PAGE, figures(results, split=split, command=command)
    kept = read_page(page.read_text()) if page.exists() else {}
    page.write_text(render(results, split=split, command=command, kept=kept))
    tasks = {**{task: one.figures() for task, one in kept.items()}, **table["tasks"]}
    table["tasks"] = {task: tasks[task] for task in TASK_IDS if task in tasks}
    (folder / FIGURES).write_text(json.dumps(table, indent=1) + "\n")


def measure(
    task_id: TaskId,
    *,
    learn: int,
    episodes: int,
    split: SeedSplit,
    workers: int,
    progress: Callable[[str], None],
    first_seed: int = JUDGE_SEED,
) -> Result:
    """All programs and agents on one task."""
    progress(f"{task_id}: drawing {learn} episodes to learn from and {episodes} to judge on")
    learned = draw_episodes(task_id, learn, first_seed=LEARN_SEED, split="train", workers=workers)
    judged = draw_episodes(task_id, episodes, first_seed=first_seed, split=split, workers=workers)
    scores = solve(learned, judged, progress=progress)
    for name in AGENTS:
        progress(f"{task_id}: {name}")
        scores.append(play(name, judged, workers=workers))
    return Result(task_id, learn, judged, scores)
