"""The commands ``python -m bench.validity floor``, ``solvers``, ``look-alikes``, ``told-apart``, ``healthy``, ``heuristic`` and ``coverage``."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bench.extra import require_extra
from bench.validity.coverage import (
    KINDS,
    SIZES,
    measure_coverage,
    measure_rare_failures,
    render,
    render_rare_failures,
)
from bench.validity.episodes import JUDGE_SEED
from bench.validity.floor import blind_floor
from bench.validity.healthy import measure_healthy, render_healthy
from bench.validity.heuristic_play import FIRST_SEED, lines_of, play_many
from bench.validity.told_apart import FIRST_SEED as FIRST_TOLD_APART
from bench.validity.told_apart import (
    MAX_RUNS,
    MIN_ACCURACY,
    MIN_RUNS,
    render_told_apart,
    tell_all_apart,
)
from domain.families.multi_source import FAULTS
from domain.generator import OF_SEVERAL_SOURCES
from domain.training.style import SEED_SPLITS, SeedSplit
from domain.types import TASK_IDS, TaskId

cli = typer.Typer(
    help="Measure whether the benchmark is valid: scores of programs that do not read the evidence, or do not reason.",
    add_completion=False,
    no_args_is_help=True,
)
_LEARNING = "sklearn"


@cli.command()
def floor(
    seeds: Annotated[int, typer.Option(min=1, help="Number of scenarios for each fault.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compute the blind floor: the best score on each task of one constant answer that ignores the evidence."""
    floors = [blind_floor(task_id, seeds=seeds) for task_id in TASK_IDS]
    if as_json:
        shown = {
            each.task_id: {"floor": each.score, "answer": [one.model_dump(mode="json") for one in each.answer]}
            for each in floors
        }
        typer.echo(json.dumps(shown, indent=2))
        return
    for each in floors:
        answer = ", ".join(one.model_dump_json(exclude_none=True) for one in each.answer)
        typer.echo(f"{each.task_id:8}{each.score:.4f}  {answer or 'nothing is wrong'}")


@cli.command()
def solvers(
    episodes: Annotated[int, typer.Option(min=20, help="Number of episodes of each task to judge on.")] = 300,
    learn: Annotated[int, typer.Option(min=100, help="Number of public episodes of each task to learn from.")] = 1500,
    split: Annotated[str, typer.Option(help="Split of the judged episodes: train, validation or test.")] = "test",
    task: Annotated[list[str] | None, typer.Option(help="Task to measure; may be repeated. Default: all.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes to draw episodes in.")] = 1,
    folder: Annotated[
        Path | None,
        typer.Option("--write", help="Folder to write floor.md and floor.json to; a page there keeps its other tasks."),
    ] = None,
    first_seed: Annotated[int, typer.Option(min=0, help="Seed of the first episode to judge on.")] = JUDGE_SEED,
) -> None:
    """Train programs that do not reason on public episodes, and judge them. Exit 1: one scores above its bound."""
    tasks, named = _tasks(task), _split(split)
    require_extra("python -m bench.validity solvers", _LEARNING)
    from bench.validity.command import run_solvers

    text, is_fine = run_solvers(
        tasks,
        learn=learn,
        episodes=episodes,
        split=named,
        folder=folder,
        workers=workers,
        progress=partial(typer.echo, err=True),
        first_seed=first_seed,
    )
    typer.echo(text)
    raise typer.Exit(0 if is_fine else 1)


@cli.command()
def look_alikes(
    seeds: Annotated[int, typer.Option(min=20, help="Number of runs with each fault, and of healthy ones.")] = 200,
) -> None:
    """Tell the static texts of each fault from those of its look-alikes. Exit 1: better than 0.55, balanced."""
    require_extra("python -m bench.validity look-alikes", _LEARNING)
    from bench.validity import look_alikes as texts

    found = texts.separate_all(seeds=seeds)
    typer.echo(texts.render(found))
    raise typer.Exit(0 if all(one.worst <= texts.MAX_BALANCED_ACCURACY for one in found) else 1)


@cli.command()
def told_apart(
    runs: Annotated[
        int, typer.Option(min=MIN_RUNS, max=MAX_RUNS, help="Number of runs with each fault, and of its look-alikes.")
    ] = 40,
    split: Annotated[str, typer.Option(help="Whose names and styles: train, validation or test.")] = "validation",
    task: Annotated[str, typer.Option(help="Task whose steps and answers are used: hard or expert.")] = "expert",
    fault: Annotated[list[str] | None, typer.Option(help="Fault to plant; may be repeated. Default: all.")] = None,
    first_seed: Annotated[int, typer.Option(min=0, help="Seed of the first run.")] = FIRST_TOLD_APART,
) -> None:
    """Have the heuristic tell runs with each fault from its look-alikes, by the evidence. Exit 1: a fault is below 0.90."""
    (task_id,), names = _tasks([task]), _split(split)
    if task_id not in OF_SEVERAL_SOURCES:
        raise typer.BadParameter(f"{task}: only hard and expert have look-alikes", param_hint="--task")
    if unknown := set(fault or ()) - set(FAULTS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: no fault of hard and expert", param_hint="--fault")
    faults = [one for one in FAULTS if not fault or one in fault]
    found = tell_all_apart(faults, runs=runs, split=names, task_id=task_id, first_seed=first_seed)
    typer.echo(render_told_apart(found))
    raise typer.Exit(0 if all(one.accuracy.share >= MIN_ACCURACY for one in found) else 1)


@cli.command()
def healthy(
    runs: Annotated[int, typer.Option(min=40, help="Number of healthy runs, and of planted ones.")] = 600,
    twins: Annotated[
        int, typer.Option(min=1, help="Planted runs of each fault that are compared with their twins.")
    ] = 4,
    split: Annotated[str, typer.Option(help="Whose names and styles: train, validation or test.")] = "validation",
) -> None:
    """Measure healthy hard and expert runs: accuracy, unusual checks, twins. Exit 1: one is outside of its bounds."""
    found = measure_healthy(runs=runs, twins=twins, split=_split(split))
    typer.echo(render_healthy(found))
    raise typer.Exit(0 if found.is_fine else 1)


@cli.command()
def heuristic(
    episodes: Annotated[int, typer.Option(min=1, help="Number of episodes of each task.")] = 300,
    split: Annotated[str, typer.Option(help="Whose names and styles: train, validation or test.")] = "test",
    task: Annotated[list[str] | None, typer.Option(help="Task to play; may be repeated. Default: all.")] = None,
    first_seed: Annotated[int, typer.Option(min=0, help="Seed of the first episode.")] = FIRST_SEED,
) -> None:
    """Play the shipped heuristic through whole episodes and print what it scores: by task, and by fault."""
    names = _split(split)
    for task_id in _tasks(task):
        played = play_many(task_id, episodes=episodes, first_seed=first_seed, split=names)
        typer.echo("\n".join(lines_of(task_id, played)))


@cli.command()
def coverage(
    rounds: Annotated[int, typer.Option(min=20, help="Number of rounds of each kind of agent and size.")] = 600,
    boards: Annotated[int, typer.Option(min=0, help="Number of boards of 20 equal agents.")] = 100,
    is_of_rare_failures: Annotated[
        bool,
        typer.Option("--rare-failures", help="Instead: small rounds of agents that rarely fail, by several weights."),
    ] = False,
) -> None:
    """Simulate rounds: how often intervals cover, equal agents are told apart, and boards of equals show a rank."""
    if is_of_rare_failures:
        typer.echo(render_rare_failures(measure_rare_failures(rounds=rounds)))
        return
    found = [measure_coverage(name, size, rounds=rounds, boards=boards) for name in KINDS for size in SIZES]
    typer.echo(render(found))


@cli.command()
def words(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Labelled diagnoses, JSON lines.")],
) -> None:
    """Print how many right fixes in words are credited and how many wrong ones accepted. No text is printed."""
    from bench.validity.words import load, rates

    for name, rate in rates(load(files)).items():
        typer.echo(f"{name}: {rate}")


@cli.command()
def train_words(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Labelled diagnoses, JSON lines.")],
    output: Annotated[Path, typer.Option("--write", help="File to write the weights to.")],
) -> None:
    """Train the weights that read fixes in words. The same files give the same weights."""
    require_extra("python -m bench.validity train-words", _LEARNING)
    from bench.validity.train_words import examples, train
    from bench.validity.words import digest_of, load

    files = sorted(files, key=lambda path: path.stem)
    weights = train(examples(load(files)))
    body = {"trained_on": digest_of(files), "weights": weights}
    output.write_text(json.dumps(body, indent=0, sort_keys=True) + "\n", encoding="utf-8")
    typer.echo(f"{len(weights)} weights")


def _tasks(names: list[str] | None) -> list[TaskId]:
    unknown = set(names or ()) - set(TASK_IDS)
    if unknown:
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: tasks are {', '.join(TASK_IDS)}", param_hint="--task")
    return [one for one in TASK_IDS if not names or one in names]


def _split(name: str) -> SeedSplit:
    if name not in SEED_SPLITS:
        raise typer.BadParameter(f"{name}: splits are train, validation and test", param_hint="--split")
    return name


if __name__ == "__main__":
    cli(prog_name="python -m bench.validity")
