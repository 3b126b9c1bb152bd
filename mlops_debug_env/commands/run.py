"""``mlops-debug run``: evaluates an agent over a suite."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from mlops_debug_env.commands.evaluation import (
    abandon_left,
    carry_out,
    check_options,
    end,
    print_outcome,
    run_command,
)
from mlops_debug_env.commands.exit_codes import USAGE, fail, write_out
from mlops_debug_env.commands.option_classes import with_option_classes
from mlops_debug_env.commands.options import ConcurrencyOption
from mlops_debug_env.commands.play_options import LlmOptions, PlayOptions
from mlops_debug_env.protocol.types import TaskId


@with_option_classes
def run(
    options: PlayOptions,
    llm: LlmOptions,
    suite: Annotated[
        str | None,
        typer.Option(help="Name of a suite, or a .json file. Default: practice-2."),
    ] = None,
    task: Annotated[TaskId | None, typer.Option(help="Only the entries of this task.")] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Episodes for each entry. Default: 1.")] = None,
    concurrency: ConcurrencyOption = 16,
    entries: Annotated[int | None, typer.Option(min=1, help="Only the first entries of the suite.")] = None,
    reward_mode: Annotated[Literal["shaped", "sparse"] | None, typer.Option(help="Default: shaped.")] = None,
    success_at: Annotated[float, typer.Option(min=0.0, max=1.0, help="Score from which an episode passes.")] = 0.7,
    log_format: Annotated[Literal["table", "openenv"], typer.Option(help="What to print.")] = "table",
) -> None:
    """Evaluate an agent over a suite; docs/how-to/evaluate.md goes through it step by step.

    Exit 0: every episode has a result. 1: some failed; --resume tries them again.

    2: something given cannot be used. 3: the server or the model cannot be reached.

    4: the budget is spent. 5: nothing can be written. 130: interrupted.
    """
    if options.as_json and log_format == "openenv":
        fail("--json prints one object only; leave out --log-format openenv", USAGE)
    check_options(options)
    command = run_command(
        options,
        llm,
        concurrency=concurrency,
        played={"suite": suite, "trials": trials, "reward_mode": reward_mode, "task_id": task, "entries": entries},
        success_at=success_at,
        openenv_lines=write_out if log_format == "openenv" else None,
    )
    if options.abandon:
        abandon_left(command)
        return
    outcome = carry_out(command)
    print_outcome(outcome, as_json=options.as_json, to_stderr=log_format == "openenv")
    end(outcome, "run")
