"""Prepares what is committed: the start of an episode with its seed and scenario, and appends with their rows."""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from typing import NamedTuple

from domain.chain import EMPTY, Head, Link
from domain.episode.decide import Decision, EpisodeState, ResetEpisode
from domain.events import EpisodeExpired
from domain.rubric import RUBRIC
from domain.scenario import Composition, Truth
from server.episodes.commands import AuthorizedReset
from server.scenarios.repository import CachedScenario, ScenarioRepository
from server.scenarios.requester import Priority, as_requester
from server.security.session_names import SessionName
from server.storage.attempts import attempt_row, ended_row, step_row
from server.storage.read_models import episode_row, session_row, step_or_end_row
from server.storage.sql import StatementRow
from server.storage.stream_codec import EpisodeSnapshot, link_events
from server.storage.writers.protocol import Append

SEED_BITS = 53


class PreparedStart(NamedTuple):
    """The command of a reset and the scenario that it begins on."""

    command: ResetEpisode
    cached: CachedScenario


async def prepare_start(
    scenarios: ScenarioRepository, authorized: AuthorizedReset, *, session: SessionName | None, drawn_from: str
) -> PreparedStart:
    """The command that begins an episode, and its scenario. ``drawn_from``: source of the seed if the client chose none."""
    request, ranked = authorized.request, authorized.ranked
    if ranked is not None:
        seed = ranked.seed
    else:
        seed = request.seed if request.seed is not None else _draw_seed(drawn_from)
    split = ranked.split if ranked is not None else request.wanted_split
    fault = ranked.fault if ranked is not None else None
    is_chosen = request.seed is not None
    task_id = request.task_id or "easy"
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


class PreparedAppend(NamedTuple):
    """What was decided for an episode and is not recorded yet, with the state after it."""

    append: Append
    after: EpisodeSnapshot


def prepare_append(
    episode_id: str,
    current: EpisodeSnapshot | None,
    decided: Decision,
    *,
    now: str,
    actor: str,
    request_id: str | None = None,
    cached: CachedScenario | None = None,
    truth: Truth | Composition | None = None,
) -> PreparedAppend:
    """Link the decided events and make the rows that belong to them.

    Args:
        cached: the scenario, where the episode begins.
        truth: of a ranked episode that goes on; None: practice, or the episode begins.
    """
    head = current.head if current is not None else EMPTY
    linked = link_events(episode_id, head, decided.events, recorded_at=now, actor=actor, request_id=request_id)
    state = decided.after
    rows = (step_or_end_row(linked[-1], state),) if cached is None else initial_rows(linked[-1], state, cached)
    if truth is not None and state.ended is not None:
        by_agent = not all(isinstance(each, EpisodeExpired) for each in decided.events)
        rows = (*rows, ended_row(linked[-1], state, truth, by_agent=by_agent))
    elif truth is not None:
        rows = (*rows, step_row(episode_id))
    used = current.request_ids if current is not None else frozenset()
    after = EpisodeSnapshot(
        state, Head(linked[-1].version, linked[-1].hash), used if request_id is None else used | {request_id}
    )
    return PreparedAppend(Append(episode_id, head.version, linked, rows), after)
