"""``mlops-debug compete``: an agent in a ranked round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from mlops_debug_env.runner.run_command import Outcome


@with_model_options
def compete(
    round_id: Annotated[
        str | None, typer.Option("--round", help="Name of an open round; with --resume, that of the run.")
    ] = None,
    agent: shared.AgentOption = None,
    model: shared.ModelOption = None,
    concurrency: shared.ConcurrencyOption = 8,
    url: shared.UrlOption = "http://127.0.0.1:7860",
    api_key: shared.ApiKeyOption = None,
    out: shared.OutOption = None,
    resume: shared.ResumeOption = False,
    abandon: shared.AbandonOption = False,
    as_json: shared.JsonOption = False,
    *,
    given: GivenModelOptions,
) -> None:
    """Play a ranked round. Sent again, it goes on with what is not over yet; with --resume a model is not asked again.

    The exit codes are those of run.
    """
    from mlops_debug_env.runner.run_command import Connection, RunCommand
    from mlops_debug_env.runner.run_setup import RunRequest

    if api_key is None:
        fail("a ranked round needs a key: give --api-key or MLOPS_DEBUG_API_KEY", USAGE)
    if round_id is None and not (resume or abandon):
        fail("name the round with --round; GET /rounds lists them", USAGE)
    check_options(agent=agent, model=model, out=out, resume=resume, abandon=abandon)
    command = RunCommand(
        request=RunRequest(
            agent=agent,
            model=model,
            round=round_id,
            agent_options=given.agent_options,
        ),
        connection=Connection(url=url, api_key=api_key, concurrency=concurrency),
        model_options=given.model_options,
        out=out,
        resume=resume or abandon,
        is_ranked=True,
    )
    if abandon:
        abandon_left(command)
        return
    outcome = carry_out(command)
    if not as_json:
        write_out(_played(outcome))
    print_outcome(outcome, as_json=as_json)
    end(outcome, "compete")


def _played(outcome: Outcome) -> str:
    overall = outcome.summary.overall
    done = 0 if overall is None else overall.episodes
    mean = "" if overall is None else f", mean score {overall.score.mean:.3f}"
    return f"{outcome.played} attempts played, {done - outcome.played} had been played before{mean}"
