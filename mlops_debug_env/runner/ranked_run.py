"""Plays a ranked round with one of the shipped agents, for the baseline and attack rows of a board."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import httpx
from pydantic import BaseModel, ConfigDict

from mlops_debug_env.agents.registry import create_agent
from mlops_debug_env.protocol.errors import MlopsDebugError
from mlops_debug_env.transport.async_client import DebugClient


class UnknownRoundError(MlopsDebugError, ValueError):
    """The server has no such round, or it is closed."""


class _Suite(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    entries: tuple[str, ...]


class _Round(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    round: str
    suite: _Suite
    attempts: int
    closed_at: str | None
    """None: it is open."""


class _Rounds(BaseModel):
    rounds: tuple[_Round, ...]


class RankedRunResult(NamedTuple):
    """The result of playing a round."""

    played: int
    """Attempts played now."""
    found_ended: int
    """Attempts that had been played before."""
    mean_score: float | None
    """Of all of them; None: there were none."""


async def compete(agent: str, *, round_id: str, url: str, api_key: str, concurrency: int) -> RankedRunResult:
    """Play every attempt at every entry that is not over yet.

    Raises:
        UnknownRoundError: there is no open round of that name.
    """
    chosen = await _find_round(round_id, url)
    wanted = [(entry, attempt) for attempt in range(1, chosen.attempts + 1) for entry in range(1, _entries(chosen) + 1)]
    slots = asyncio.Semaphore(concurrency)

    async def play(entry: int, attempt: int) -> tuple[bool, float]:
        # A session of the attempt's own name: a later run continues there.
        session = f"{round_id}.{entry}.{attempt}"
        async with slots, DebugClient(url, api_key=api_key, session_key=session) as client:
            return await _play(client, agent, round_id, entry, attempt)

    outcomes = await asyncio.gather(*(play(entry, attempt) for entry, attempt in wanted))
    scores = [score for _, score in outcomes]
    played = sum(was_played for was_played, _ in outcomes)
    return RankedRunResult(played, len(outcomes) - played, sum(scores) / len(scores) if scores else None)


def _entries(chosen: _Round) -> int:
    return len(chosen.suite.entries)


async def _find_round(round_id: str, url: str) -> _Round:
    async with httpx.AsyncClient(timeout=30.0) as http:
        answer = await http.get(f"{url.rstrip('/')}/rounds")
    answer.raise_for_status()
    for each in _Rounds.model_validate_json(answer.content).rounds:
        if each.round == round_id and each.closed_at is None:
            return each
    raise UnknownRoundError(f"{url} has no open round {round_id!r}; GET /rounds lists them")


async def _play(client: DebugClient, agent: str, round_id: str, entry: int, attempt: int) -> tuple[bool, float]:
    """Whether the attempt was played now, and its score."""
    outcome = await client.reset(round=round_id, entry=entry, attempt=attempt)
    was_over = outcome.done
    player = create_agent(agent, task_id=outcome.observation.task_id, seed=None, trial=attempt)
    while not outcome.done:
        outcome = await client.step(await player.act(outcome.observation))
    return not was_over, outcome.info.score or 0.0
