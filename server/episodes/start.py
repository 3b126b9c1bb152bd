"""Prepares the start of an episode: its seed, its scenario, and the rows that are written with its first event."""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from typing import NamedTuple

from domain.chain import Link
from domain.episode.decide import EpisodeState, ResetEpisode
from domain.rubric import RUBRIC
from server.episodes.commands import AuthorizedReset
from server.scenarios.repository import CachedScenario, ScenarioRepository
from server.scenarios.requester import Priority, as_requester
from server.scenarios.reserve import SEED_BITS, ScenarioReserve
from server.security.session_names import SessionName
from server.storage.attempts import attempt_row
from server.storage.read_models import episode_row, session_row
from server.storage.sql import StatementRow


class PreparedStart(NamedTuple):
    """The command of a reset and the scenario that it begins on."""

    command: ResetEpisode
    cached: CachedScenario


async def prepare_start(
    scenarios: ScenarioRepository,
    reserve: ScenarioReserve,
    authorized: AuthorizedReset,
    *,
    session: SessionName | None,
    drawn_from: str,
) -> PreparedStart:
    """The command that begins an episode, and its scenario. ``drawn_from``: source of the seed if the client chose none."""
    request, ranked = authorized.request, authorized.ranked
    split = ranked.split if ranked is not None else request.wanted_split
    fault = ranked.fault if ranked is not None else None
    is_chosen = request.seed is not None
    task_id = request.task_id or "easy"
    reserved = reserve.take(task_id, split) if ranked is None and not is_chosen else None
    if reserved is not None:
        seed, cached = reserved.scenario.seed, reserved
    else:
        if ranked is not None:
            seed = ranked.seed
        else:
            seed = request.seed if request.seed is not None else _draw_seed(drawn_from)
        with as_requester(Priority.RANKED) if ranked is not None else nullcontext():
            cached = await scenarios.get_or_generate(task_id, seed, split=split, fault=fault, may_be_stored=is_chosen)
    attempt = ranked.attempt if ranked is not None else None
    command = ResetEpisode(
        task_id=cached.scenario.task_id,
        seed=seed,
        seed_given=is_chosen,
        split=split,
        scenario_digest=cached.digest,
        generator_version=cached.scenario.generator_version,
        rubric_version=RUBRIC.version,
        reward_mode=request.reward_mode or "shaped",
        agent=request.agent,
        session=session.recorded if session is not None else None,
        key=authorized.key,
        round=attempt.round if attempt is not None else None,
        entry=attempt.entry if attempt is not None else None,
        attempt=attempt.attempt if attempt is not None else None,
        control=request.wanted_control,
        invalid_actions=request.wanted_invalid_actions,
    )
    return PreparedStart(command, cached)


def initial_rows(link: Link, state: EpisodeState, cached: CachedScenario) -> tuple[StatementRow, ...]:
    """The rows that are written with the first event of an episode."""
    scenario = () if cached.is_stored else (cached.row(),)
    session = () if state.reset.session is None else (session_row(state.reset.session, link.stream_id),)
    attempt = () if state.reset.round is None else (attempt_row(link, state),)
    return (*scenario, episode_row(link, state), *session, *attempt)


def _draw_seed(drawn_from: str) -> int:
    drawn = hashlib.sha256(drawn_from.encode()).digest()
    return int.from_bytes(drawn[:8], "big") >> (64 - SEED_BITS)
