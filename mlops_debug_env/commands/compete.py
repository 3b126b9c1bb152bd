"""``mlops-debug compete``: a shipped agent in a ranked round."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from mlops_debug_env.commands.exit_codes import USAGE, fail, one_line_errors, write_out
from mlops_debug_env.commands.options import ApiKeyOption, ConcurrencyOption, UrlOption


def compete(
    round_id: Annotated[str, typer.Option("--round", help="Name of an open round.")],
    agent: Annotated[str, typer.Option(help="Who plays: nop, random, constant or heuristic.")] = "heuristic",
    concurrency: ConcurrencyOption = 8,
    url: UrlOption = "http://127.0.0.1:7860",
    api_key: ApiKeyOption = None,
) -> None:
    """Play a ranked round with a shipped agent. Sent again, it goes on with what is not over yet."""
    from mlops_debug_env.runner.ranked_run import compete as play_round

    if api_key is None:
        fail("a ranked round needs a key: give --api-key or MLOPS_DEBUG_API_KEY", USAGE)
    with one_line_errors():
        done = asyncio.run(play_round(agent, round_id=round_id, url=url, api_key=api_key, concurrency=concurrency))
    mean = "" if done.mean_score is None else f", mean score {done.mean_score:.3f}"
    write_out(f"{done.played} attempts played, {done.found_ended} had been played before{mean}")
