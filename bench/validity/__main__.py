"""The commands ``python -m bench.validity floor``, ``canaries`` and ``heuristic``."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bench.validity.command import run_canaries
from bench.validity.composed_floor import composed_floor
from bench.validity.floor import blind_floor
from bench.validity.heuristic_play import FIRST_SEED, lines_of, play_many
from domain.training.style import SEED_SPLITS
from domain.types import SINGLE_FAULT_TASKS, TASK_IDS

cli = typer.Typer(
    help="Measure whether the benchmark is valid: what can be scored without reading the evidence.",
    add_completion=False,
    no_args_is_help=True,
)


@cli.command()
def floor(
    seeds: Annotated[int, typer.Option(min=1, help="Number of scenarios for each fault.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compute the blind floor: the best score on each task of one constant answer that ignores the evidence."""
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
    episodes: Annotated[
        int, typer.Option(min=500, help="Number of public episodes that the classifiers are trained on.")
    ] = 5000,
    held_out: Annotated[
        int, typer.Option(min=100, help="Number of fresh episodes of each kind that they are tested on.")
    ] = 900,
    seeds: Annotated[
        int, typer.Option(min=1, help="Number of fresh scenarios for each fault, for the blind agents.")
    ] = 4,
    blind_only: Annotated[
        bool, typer.Option("--blind", help="Run the blind agents only: seconds instead of minutes.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--write", help="Folder to write floor.md, difficulty.md and, with Matplotlib, difficulty.svg to."
        ),
    ] = None,
) -> None:
    """Score the canaries: blind agents and text classifiers trained on public episodes. Exit 1: one scores above its bound."""
    text, is_fine = run_canaries(
        None if blind_only else (episodes, held_out), seeds=seeds, folder=folder, progress=partial(typer.echo, err=True)
    )
    typer.echo(text)
    raise typer.Exit(0 if is_fine else 1)


@cli.command()
def heuristic(
    episodes: Annotated[int, typer.Option(min=1, help="Number of episodes of each task.")] = 300,
    split: Annotated[str, typer.Option(help="Whose names and styles: train, validation or test.")] = "test",
    tasks: Annotated[str, typer.Option(help="Tasks, with commas between them.")] = "hard,expert",
    first_seed: Annotated[int, typer.Option(min=0, help="Seed of the first episode.")] = FIRST_SEED,
) -> None:
    """Play the shipped heuristic through whole episodes and print what it scores: by task, and by fault."""
    if split not in SEED_SPLITS:
        raise typer.BadParameter(f"{split} is none of {', '.join(SEED_SPLITS)}.", param_hint="--split")
    for name in tasks.split(","):
        task_id = next((task for task in TASK_IDS if task == name.strip()), None)
        if task_id is None:
            raise typer.BadParameter(f"{name} is none of {', '.join(TASK_IDS)}.", param_hint="--tasks")
        played = play_many(task_id, episodes=episodes, first_seed=first_seed, split=split)
        typer.echo("\n".join(lines_of(task_id, played)))


if __name__ == "__main__":
    cli(prog_name="python -m bench.validity")
