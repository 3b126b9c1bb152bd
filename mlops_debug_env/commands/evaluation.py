"""Carries out ``run`` and ``compete``, which differ in what is played only, and ends the command."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

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
from mlops_debug_env.protocol.counts import counted

if TYPE_CHECKING:
    from mlops_debug_env.commands.play_options import LlmOptions, PlayOptions
    from mlops_debug_env.runner.run_command import Outcome, RunCommand


def check_options(options: PlayOptions) -> None:
    """End the command where options contradict each other."""
    if options.abandon and options.out is None:
        fail("--abandon needs --out, the folder of the run whose episodes are to be ended", USAGE)
    if options.model is not None and options.agent not in (None, "llm"):
        fail(f"--model is for --agent llm, and {options.agent} has no model", USAGE)
    if options.resume and options.out is None:
        fail("--resume needs --out, the folder of the run to go on with", USAGE)


def run_command(
    options: PlayOptions, llm: LlmOptions, *, concurrency: int, played: Mapping[str, Any], **further: Any
) -> RunCommand:
    """What the runner carries out. ``played``: what is played, as ``RunRequest`` names it; ``further``: as ``RunCommand`` does."""
    from mlops_debug_env.runner.run_command import Connection, RunCommand
    from mlops_debug_env.runner.run_setup import RunRequest

    return RunCommand(
        request=RunRequest(agent=options.agent, model=options.model, agent_options=llm.agent_options(), **played),
        connection=Connection(
            url=options.url,
            api_key=options.api_key,
            concurrency=concurrency,
            max_outage_seconds=options.max_outage,
        ),
        model_options=llm.model_options(),
        out=options.out,
        resume=options.resume or options.abandon,
        shares_transcripts=options.share_transcript,
        **further,
    )


def carry_out(command: RunCommand) -> Outcome:
    """Play what is pending."""
    with one_line_errors():
        return asyncio.run(command.play())


def abandon_left(command: RunCommand) -> None:
    """End what the run has left open."""
    with one_line_errors():
        ended = asyncio.run(command.abandon())
    write_out(f"{counted(ended, 'episode')} ended on the server; --resume picks their results up and plays the rest")


def print_outcome(outcome: Outcome, *, as_json: bool, to_stderr: bool = False) -> None:
    """The table of the run, or its scores as JSON."""
    from mlops_debug_env.runner.report import render_summary, to_text
    from mlops_debug_env.runner.summary import scores_json

    if as_json:
        write_out(json.dumps(scores_json(outcome.summary)))
        for each in outcome.summary.warnings:
            typer.echo(f"warning: {each}", err=True)
        return
    text = to_text(render_summary(outcome.summary)) + f"\n{outcome.path}\n"
    if to_stderr:
        typer.echo(text, err=True)
    else:
        write_out(text)


def end(outcome: Outcome, command: str) -> None:
    """The exit code of a run, with one line on what to do where results are missing."""
    again = f"go on with: mlops-debug {command} --resume --out {outcome.path}"
    if outcome.stop is not None:
        codes = {
            "interrupted": INTERRUPTED,
            "budget": BUDGET_SPENT,
            "failures": UNREACHABLE,
            "unwritable": UNWRITABLE,
        }
        fail(f"{outcome.stop.message}; nothing is lost, {again}", codes[outcome.stop.reason])
    if outcome.failed:
        first = f", the first with {outcome.first_failure}" if outcome.first_failure is not None else ""
        fail(f"{counted(outcome.failed, 'episode')} failed{first} (see errors.jsonl); {again}", INCOMPLETE)
