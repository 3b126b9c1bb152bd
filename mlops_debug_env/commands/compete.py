"""``mlops-debug compete``: an agent in a ranked round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mlops_debug_env.commands import options as shared
from mlops_debug_env.commands.evaluation import (
    abandon_left,
    agent_options,
    carry_out,
    check_options,
    end,
    print_outcome,
)
from mlops_debug_env.commands.exit_codes import USAGE, fail, write_out

if TYPE_CHECKING:
    from mlops_debug_env.runner.run_command import Outcome


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
    base_url: shared.BaseUrlOption = None,
    tool_mode: shared.ToolModeOption = None,
    context_tokens: shared.ContextTokensOption = None,
    max_output_tokens: shared.MaxOutputTokensOption = None,
    temperature: shared.TemperatureOption = None,
    requests_per_minute: shared.RequestsPerMinuteOption = None,
    tokens_per_minute: shared.TokensPerMinuteOption = None,
    budget_tokens: shared.BudgetTokensOption = None,
    budget_usd: shared.BudgetUsdOption = None,
    budget_seconds: shared.BudgetSecondsOption = None,
    prices: shared.PricesOption = None,
    request_timeout: shared.RequestTimeoutOption = 120.0,
) -> None:
    """Play a ranked round. Sent again, it goes on with what is not over yet; with --resume a model is not asked again.

    The exit codes are those of run.
    """
    from mlops_debug_env.runner.model_options import ModelOptions
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
            agent_options=agent_options(
                tool_mode=tool_mode,
                context_tokens=context_tokens,
                max_output_tokens=max_output_tokens,
                temperature=temperature,
            ),
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
