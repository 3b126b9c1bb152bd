"""How an episode begins: the seed and the scenario that a reset gets, and the rows that are written with it."""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from typing import NamedTuple

from domain.chain import Link
from domain.episode import EpisodeState, ResetEpisode
from domain.rubric import RUBRIC
from server.admitted import Admitted, SessionName
from server.asking import Priority, asking
from server.attempts import begun_row
from server.read_models import begin_row, session_row
from server.scenarios import HeldScenario, Scenarios
from server.statements import StatementRow

SEED_BITS = 53


class Beginning(NamedTuple):
    command: ResetEpisode
    held: HeldScenario


async def begin(scenarios: Scenarios, admitted: Admitted, *, session: SessionName | None, drawn_from: str) -> Beginning:
    """The command that begins an episode, and its scenario. ``drawn_from``: where a seed that nobody chose comes from."""
    request, ranked = admitted.request, admitted.ranked
    if ranked is not None:
        seed = ranked.seed
    else:
        seed = request.seed if request.seed is not None else _draw_seed(drawn_from)
    split = ranked.split if ranked is not None else request.wanted_split
    fault = ranked.fault if ranked is not None else None
    is_chosen = request.seed is not None
    task_id = request.task_id or "easy"
    with asking(Priority.RANKED) if ranked is not None else nullcontext():
        held = await scenarios.generate(task_id, seed, split=split, fault=fault, may_be_stored=is_chosen)
    attempt = ranked.attempt if ranked is not None else None
    command = ResetEpisode(
        task_id=held.scenario.task_id,
        seed=seed,
        seed_given=is_chosen,
        split=split,
        scenario_digest=held.digest,
        generator_version=held.scenario.generator_version,
        rubric_version=RUBRIC.version,
        reward_mode=request.reward_mode or "shaped",
        agent=request.agent,
        session=session.recorded if session is not None else None,
        key=admitted.key,
        round=attempt.round if attempt is not None else None,
        entry=attempt.entry if attempt is not None else None,
        attempt=attempt.attempt if attempt is not None else None,
    )
    return Beginning(command, held)


def begin_rows(link: Link, state: EpisodeState, held: HeldScenario) -> tuple[StatementRow, ...]:
    """What is written with the first event of an episode."""
    scenario = () if held.is_stored else (held.row(),)
    session = () if state.reset.session is None else (session_row(state.reset.session, link.stream_id),)
    attempt = () if state.reset.round is None else (begun_row(link, state),)
    return (*scenario, begin_row(link, state), *session, *attempt)


def _draw_seed(drawn_from: str) -> int:
    drawn = hashlib.sha256(drawn_from.encode()).digest()
    return int.from_bytes(drawn[:8], "big") >> (64 - SEED_BITS)
