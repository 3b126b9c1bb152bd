"""``mlops-debug run``: evaluates an agent over a suite."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from mlops_debug_env.commands import options as shared
from mlops_debug_env.commands.evaluation import (
    abandon_left,
    carry_out,
    check_options,
    end,
    print_outcome,
)
from mlops_debug_env.commands.exit_codes import USAGE, fail, write_out
from mlops_debug_env.commands.model_settings import GivenModelOptions, with_model_options
from mlops_debug_env.protocol.types import TaskId


@with_model_options
def run(
    agent: shared.AgentOption = None,
    model: shared.ModelOption = None,
    suite: Annotated[
        str | None,
        typer.Option(help="Name of a suite, or a .json file. Default: practice-2."),
    ] = None,
    task: Annotated[TaskId | None, typer.Option(help="Only the entries of this task.")] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Episodes for each entry. Default: 1.")] = None,
    concurrency: shared.ConcurrencyOption = 16,
    url: shared.UrlOption = "http://127.0.0.1:7860",
    api_key: shared.ApiKeyOption = None,
    out: shared.OutOption = None,
    resume: shared.ResumeOption = False,
    abandon: shared.AbandonOption = False,
    as_json: shared.JsonOption = False,
    entries: Annotated[int | None, typer.Option(min=1, help="Only the first entries of the suite.")] = None,
    reward_mode: Annotated[Literal["shaped", "sparse"] | None, typer.Option(help="Default: shaped.")] = None,
    success_at: Annotated[float, typer.Option(min=0.0, max=1.0, help="Score from which an episode passes.")] = 0.7,
    log_format: Annotated[Literal["table", "openenv"], typer.Option(help="What to print.")] = "table",
    *,
    given: GivenModelOptions,
) -> None:
    """Evaluate an agent over a suite; docs/how-to/evaluate.md goes through it step by step.

    Exit 0: every episode has a result. 1: some failed; --resume tries them again.

    2: something given cannot be used. 3: the server or the model cannot be reached.

    4: the budget is spent. 5: nothing can be written. 130: interrupted.
    """
    from mlops_debug_env.runner.run_command import Connection, RunCommand
    from mlops_debug_env.runner.run_setup import RunRequest

    if as_json and log_format == "openenv":
        fail("--json prints one object only; leave out --log-format openenv", USAGE)
    check_options(agent=agent, model=model, out=out, resume=resume, abandon=abandon)
    command = RunCommand(
        request=RunRequest(
            agent=agent,
            model=model,
            suite=suite,
            trials=trials,
            reward_mode=reward_mode,
            task_id=task,
            entries=entries,
            agent_options=given.agent_options,
        ),
        connection=Connection(url=url, api_key=api_key, concurrency=concurrency),
        model_options=given.model_options,
        out=out,
        resume=resume or abandon,
        success_at=success_at,
        openenv_lines=write_out if log_format == "openenv" else None,
    )
    if abandon:
        abandon_left(command)
        return
    outcome = carry_out(command)
    print_outcome(outcome, as_json=as_json, to_stderr=log_format == "openenv")
    end(outcome, "run")
