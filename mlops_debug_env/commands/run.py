"""``mlops-debug run``: evaluates an agent over a suite."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mlops_debug_env.commands.exit_codes import (
    BUDGET_SPENT,
    INCOMPLETE,
    INTERRUPTED,
    UNREACHABLE,
    UNWRITABLE,
    USAGE,
    fail,
    one_line_errors,
    write_out,
)
from mlops_debug_env.commands.options import ApiKeyOption, ConcurrencyOption, JsonOption, UrlOption
from mlops_debug_env.protocol.types import TaskId

if TYPE_CHECKING:
    from mlops_debug_env.runner.run_command import Outcome

LlmPanel = "Options of the agent llm"


def run(
    agent: Annotated[
        str | None, typer.Option(help="Who plays: see docs/how-to/evaluate.md. Default: heuristic.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Name of the model, for the agent llm. Default: MODEL_NAME.")
    ] = None,
    suite: Annotated[
        str | None,
        typer.Option(help="Name of a suite, or a .json file. Default: practice-2."),
    ] = None,
    task: Annotated[TaskId | None, typer.Option(help="Only the entries of this task.")] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Episodes for each entry. Default: 1.")] = None,
    concurrency: ConcurrencyOption = 16,
    url: UrlOption = "http://127.0.0.1:7860",
    api_key: ApiKeyOption = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run. Default: runs/<run id>.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    as_json: JsonOption = False,
    entries: Annotated[int | None, typer.Option(min=1, help="Only the first entries of the suite.")] = None,
    reward_mode: Annotated[Literal["shaped", "sparse"] | None, typer.Option(help="Default: shaped.")] = None,
    success_at: Annotated[float, typer.Option(min=0.0, max=1.0, help="Score from which an episode passes.")] = 0.7,
    log_format: Annotated[Literal["table", "openenv"], typer.Option(help="What to print.")] = "table",
    base_url: Annotated[str | None, typer.Option(help="Of the model's endpoint.", rich_help_panel=LlmPanel)] = None,
    tool_mode: Annotated[
        Literal["auto", "tools", "json"] | None, typer.Option(help="How the model acts.", rich_help_panel=LlmPanel)
    ] = None,
    context_tokens: Annotated[
        int | None,
        typer.Option(min=2000, help="Bound on the messages of a call. Default: 16000.", rich_help_panel=LlmPanel),
    ] = None,
    max_output_tokens: Annotated[
        int | None, typer.Option(min=16, help="Bound on one answer. Default: 2048.", rich_help_panel=LlmPanel)
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0.0, help="Default: the model's own.", rich_help_panel=LlmPanel)
    ] = None,
    requests_per_minute: Annotated[
        int | None, typer.Option(min=1, help="Of all episodes together.", rich_help_panel=LlmPanel)
    ] = None,
    tokens_per_minute: Annotated[int | None, typer.Option(min=1, help="The same.", rich_help_panel=LlmPanel)] = None,
    budget_tokens: Annotated[
        int | None, typer.Option(min=1, help="Of the run, resumed ones included.", rich_help_panel=LlmPanel)
    ] = None,
    budget_usd: Annotated[
        float | None, typer.Option(min=0.0, help="The same; needs --prices.", rich_help_panel=LlmPanel)
    ] = None,
    budget_seconds: Annotated[float | None, typer.Option(min=0.0, help="Of this go.", rich_help_panel=LlmPanel)] = None,
    prices: Annotated[Path | None, typer.Option(help="JSON table of prices.", rich_help_panel=LlmPanel)] = None,
    request_timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds for one answer.", rich_help_panel=LlmPanel)
    ] = 120.0,
) -> None:
    """Evaluate an agent over a suite; docs/how-to/evaluate.md goes through it step by step.

    Exit 0: every episode has a result. 1: some failed; --resume tries them again.

    2: something given cannot be used. 3: the server or the model cannot be reached.

    4: the budget is spent. 5: nothing can be written. 130: interrupted.
    """
    from mlops_debug_env.runner.model_options import ModelOptions
    from mlops_debug_env.runner.run_command import Connection, RunCommand
    from mlops_debug_env.runner.run_setup import RunRequest

    if as_json and log_format == "openenv":
        fail("--json prints one object only; leave out --log-format openenv", USAGE)
    if model is not None and agent not in (None, "llm"):
        fail(f"--model is for --agent llm, and {agent} has no model", USAGE)
    if resume and out is None:
        fail("--resume needs --out, the folder of the run to go on with", USAGE)
    options = {
        "tool_mode": tool_mode,
        "context_tokens": context_tokens,
        "max_output_tokens": max_output_tokens,
        "temperature": temperature,
    }
    command = RunCommand(
        request=RunRequest(
            agent=agent,
            model=model,
            suite=suite,
            trials=trials,
            reward_mode=reward_mode,
            task_id=task,
            entries=entries,
            agent_options={name: value for name, value in options.items() if value is not None},
        ),
        connection=Connection(url=url, api_key=api_key, concurrency=concurrency),
        model_options=ModelOptions(
            base_url=base_url,
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            budget_tokens=budget_tokens,
            budget_usd=budget_usd,
            budget_seconds=budget_seconds,
            prices=prices,
            timeout_seconds=request_timeout,
        ),
        out=out,
        resume=resume,
        success_at=success_at,
        openenv_lines=write_out if log_format == "openenv" else None,
    )
    with one_line_errors():
        outcome = asyncio.run(command.play())
    _print(outcome, as_json=as_json, to_stderr=log_format == "openenv")
    _end(outcome)


def _print(outcome: Outcome, *, as_json: bool, to_stderr: bool) -> None:
    from mlops_debug_env.runner.report import render_summary, to_text
    from mlops_debug_env.runner.summary import scores_json

    if as_json:
        write_out(json.dumps(scores_json(outcome.summary)))
        return
    text = to_text(render_summary(outcome.summary)) + f"\n{outcome.path}\n"
    if to_stderr:
        typer.echo(text, err=True)
    else:
        write_out(text)


def _end(outcome: Outcome) -> None:
    """The exit code of a run, with a line that says what to do where it is not whole."""
    again = f"go on with: mlops-debug run --resume --out {outcome.path}"
    if outcome.stop is not None:
        codes = {
            "interrupted": INTERRUPTED,
            "budget": BUDGET_SPENT,
            "failures": UNREACHABLE,
            "unwritable": UNWRITABLE,
        }
        fail(f"{outcome.stop.message}; nothing is lost, {again}", codes[outcome.stop.reason])
    if outcome.failed:
        fail(f"{outcome.failed} episodes failed (errors.jsonl says why); {again}", INCOMPLETE)
