"""The command line of the measurements of the benchmark itself: ``python -m bench.validity floor`` and ``canaries``."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bench.validity.command import run_canaries
from bench.validity.composed_floor import composed_floor
from bench.validity.floor import blind_floor
from domain.types import SINGLE_FAULT_TASKS

cli = typer.Typer(add_completion=False, no_args_is_help=True)


@cli.command()
def floor(
    seeds: Annotated[int, typer.Option(min=1, help="Scenarios a fault.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compute the best score that a constant answer can reach on each task without looking at the evidence."""

    floors = [blind_floor(task_id, seeds=seeds) for task_id in SINGLE_FAULT_TASKS]
    expert = composed_floor()
    if as_json:
        shown = {each.task_id: {"floor": each.score, "answer": each.answer.model_dump(mode="json")} for each in floors}
        answer = [diagnosis.model_dump(mode="json") for diagnosis in expert.answer]
        typer.echo(json.dumps({**shown, "expert": {"floor": expert.score, "answer": answer}}, indent=2))
        return
    for each in floors:
        typer.echo(f"{each.task_id:8}{each.score:.4f}  {each.answer.model_dump_json(exclude_none=True)}")
    lists = ", ".join(f"{score:.4f} with {count}" for count, score in enumerate(expert.by_length))
    typer.echo(f"expert  {expert.score:.4f}  the best constant list: {lists} entries")


@cli.command()
def canaries(
    episodes: Annotated[int, typer.Option(min=500, help="Public episodes that classifiers learn from.")] = 5000,
    held_out: Annotated[int, typer.Option(min=100, help="Fresh episodes of each kind to test them on.")] = 900,
    seeds: Annotated[int, typer.Option(min=1, help="Fresh scenarios a fault for the blind agents.")] = 4,
    blind_only: Annotated[bool, typer.Option("--blind", help="Only the blind agents: seconds, not minutes.")] = False,
    folder: Annotated[
        Path | None, typer.Option("--write", help="Folder for floor.md, difficulty.md and the plot.")
    ] = None,
) -> None:
    """Score agents that must not score: blind ones, and classifiers that read public episodes. Exit 1: one scores too much."""
    text, is_fine = run_canaries(
        None if blind_only else (episodes, held_out), seeds=seeds, folder=folder, say=partial(typer.echo, err=True)
    )
    typer.echo(text)
    raise typer.Exit(0 if is_fine else 1)


if __name__ == "__main__":
    cli(prog_name="python -m bench.validity")
