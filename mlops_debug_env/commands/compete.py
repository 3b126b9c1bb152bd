"""``mlops-debug compete``: an agent in a ranked round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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
from mlops_debug_env.protocol.counts import counted

if TYPE_CHECKING:
    from mlops_debug_env.runner.run_command import Outcome


@with_option_classes
def compete(
    options: PlayOptions,
    llm: LlmOptions,
    round_id: Annotated[
        str | None, typer.Option("--round", help="Name of an open round; with --resume, that of the run.")
    ] = None,
    concurrency: ConcurrencyOption = 8,
) -> None:
    """Play a ranked round. Sent again, it goes on with what is not over yet; with --resume a model is not asked again.

    The exit codes are those of run.
    """
    if options.api_key is None:
        fail("a ranked round needs a key: give --api-key or MLOPS_DEBUG_API_KEY", USAGE)
    if round_id is None and not (options.resume or options.abandon):
        fail("name the round with --round; GET /rounds lists them", USAGE)
    check_options(options)
    command = run_command(options, llm, concurrency=concurrency, played={"round": round_id}, is_ranked=True)
    if options.abandon:
        abandon_left(command)
        return
    outcome = carry_out(command)
    if not options.as_json:
        write_out(_played(outcome))
    print_outcome(outcome, as_json=options.as_json)
    end(outcome, "compete")


def _played(outcome: Outcome) -> str:
    overall = outcome.summary.overall
    done = 0 if overall is None else overall.episodes
    mean = "" if overall is None else f", mean score {overall.score.mean:.3f}"
    return f"{counted(outcome.played, 'attempt')} played, {done - outcome.played} had been played before{mean}"
