"""The read model of ranked attempts, from which boards are computed: one row an attempt, written with its events."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, exists, null, select

from domain.chain import Link
from domain.episode.decide import EpisodeState
from domain.events import DiagnosisSubmitted
from domain.scenario import Composition, Truth
from server.storage.schema import attempts, rounds
from server.storage.sql import Statement, StatementRow

_START_COLUMNS = (
    "round_id",
    "agent",
    "entry",
    "attempt",
    "episode_id",
    "key_prefix",
    "task_id",
    "rubric_version",
    "started_at",
)
_END_COLUMNS = (
    "ended_at",
    "end_reason",
    "fault_id",
    "score",
    "brier",
    "confidence",
    "is_right",
    "steps",
    "tokens",
    "cost_usd",
)
COLUMNS = (*_START_COLUMNS, *_END_COLUMNS)

# No row, and so no episode, in a round that was closed in the meantime: the column is NOT NULL.
# Locked until the commit, so that closing waits for attempts that start: with several writers the round could
# otherwise be closed between this query and the commit. SQLite has one writer, and no such lock.
_OPEN_ROUND = (
    select(rounds.c.round_id)
    .where(rounds.c.round_id == bindparam("round_id"), rounds.c.closing_at.is_(None))
    .with_for_update(read=True)
    .scalar_subquery()
)
# The round of the attempt, unless its secret has been revealed. An attempt ends under the same lock.
_UNREVEALED_ROUND = (
    select(rounds.c.round_id)
    .where(rounds.c.round_id == attempts.c.round_id, rounds.c.closed_at.is_(None))
    .with_for_update(read=True)
    .correlate(attempts)
    .scalar_subquery()
)
_START = Statement(
    attempts.insert().values({name: bindparam(name) for name in _START_COLUMNS} | {"round_id": _OPEN_ROUND}),
    _START_COLUMNS,
)
_END = Statement(
    attempts.update()
    .where(attempts.c.episode_id == bindparam("of_episode"))
    .values({name: bindparam(name) for name in _END_COLUMNS}),
    (*_END_COLUMNS, "of_episode"),
)


_SUBMIT = Statement(
    attempts.update()
    .where(attempts.c.episode_id == bindparam("of_episode"))
    .values({name: bindparam(name) for name in _END_COLUMNS} | {"round_id": _UNREVEALED_ROUND}),
    (*_END_COLUMNS, "of_episode"),
)
# Matches no row while the secret is unknown, and violates NOT NULL once it is revealed.
_STEP = Statement(
    attempts.update()
    .where(
        attempts.c.episode_id == bindparam("of_episode"),
        exists().where(rounds.c.round_id == attempts.c.round_id, rounds.c.closed_at.is_not(None)),
    )
    .values(round_id=null()),
    ("of_episode",),
)


def start_values(first: Link, state: EpisodeState) -> dict[str, Any]:
    """The columns that are set at the reset."""
    return {
        "round_id": state.reset.round,
        "agent": state.reset.agent,
        "entry": state.reset.entry,
        "attempt": state.reset.attempt,
        "episode_id": first.stream_id,
        "key_prefix": state.reset.key,
        "task_id": state.reset.task_id,
        "rubric_version": state.reset.rubric_version,
        "started_at": first.recorded_at,
    }


def end_values(last: Link, state: EpisodeState, truth: Truth | Composition) -> dict[str, Any]:
    """The columns that are set at the end. The fault is among them, so that readers of the database do not learn it before."""
    submitted = state.last if isinstance(state.last, DiagnosisSubmitted) else None
    reported = submitted.reported if submitted is not None else None
    return {
        "ended_at": last.recorded_at,
        "end_reason": state.ended,
        "fault_id": truth.fault_id,
        "score": state.score,
        "brier": state.brier,
        "confidence": confidence_of(submitted),
        "is_right": is_right(state),
        "steps": state.step_count,
        "tokens": reported.tokens if reported is not None else None,
        "cost_usd": reported.cost_usd if reported is not None else None,
    }


def confidence_of(submitted: DiagnosisSubmitted | None) -> float | None:
    """The confidence in the attempt's diagnosis. None: not stated, or several entries, whose confidences are about one fault
    each."""
    if submitted is None or len(submitted.diagnoses) != 1:
        return None
    return submitted.diagnoses[0].confidence


def is_right(state: EpisodeState) -> bool:
    """Whether a stated confidence was borne out."""
    return state.breakdown is not None and state.breakdown.is_borne_out


def attempt_values(first: Link, last: Link, state: EpisodeState, truth: Truth | Composition) -> dict[str, Any]:
    """The whole row, from the events."""
    ended = end_values(last, state, truth) if state.ended is not None else dict.fromkeys(_END_COLUMNS)
    return start_values(first, state) | ended


def attempt_row(link: Link, state: EpisodeState) -> StatementRow:
    """The row of an attempt that starts."""
    values = start_values(link, state)
    return StatementRow(_START, tuple(values[name] for name in _START_COLUMNS))


def step_row(episode_id: str) -> StatementRow:
    """Refuses a step of an agent once the round's secret is revealed."""
    return StatementRow(_STEP, (episode_id,))


def ended_row(last: Link, state: EpisodeState, truth: Truth | Composition, *, by_agent: bool) -> StatementRow:
    """The change of the row that the end makes. ``by_agent``: refused once the round's secret is revealed."""
    values = end_values(last, state, truth)
    return StatementRow(_SUBMIT if by_agent else _END, (*(values[name] for name in _END_COLUMNS), last.stream_id))
