"""The read models of episodes and sessions: rows, written in the transaction of the append they describe, and queries."""

from __future__ import annotations

from operator import itemgetter
from typing import Any, NamedTuple, Sequence

from sqlalchemy import ColumnElement, and_, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.chain import Link
from domain.episode.decide import EpisodeState
from domain.types import TASK_IDS
from server.storage.connections import fetch_all
from server.storage.schema import episodes, events, sessions
from server.storage.sql import Statement, StatementRow, multi_row_insert, multi_row_update

_COLUMNS = (
    "episode_id",
    "task_id",
    "agent",
    "reward_mode",
    "version",
    "head_hash",
    "step_count",
    "total_reward",
    "score",
    "end_reason",
    "started_at",
    "updated_at",
    "key_prefix",
    "round",
)
_in_column_order = itemgetter(*_COLUMNS)
_CHANGING_COLUMNS = ("version", "head_hash", "step_count", "total_reward", "score", "end_reason", "updated_at")

_START = Statement(
    episodes.insert().values({name: bindparam(name) for name in _COLUMNS}),
    _COLUMNS,
    multi_row_insert(episodes, _COLUMNS),
)
_ON_EPISODE = episodes.c.episode_id == bindparam("of_episode")
_STEP = Statement(
    episodes.update().where(_ON_EPISODE).values({name: bindparam(name) for name in _CHANGING_COLUMNS}),
    (*_CHANGING_COLUMNS, "of_episode"),
    multi_row_update(episodes, _CHANGING_COLUMNS, "episode_id"),
)
_LAST_POSITION = select(func.max(events.c.position)).where(events.c.stream_id == episodes.c.episode_id)
_END = Statement(
    episodes.update()
    .where(_ON_EPISODE)
    .values(
        {**{name: bindparam(name) for name in _CHANGING_COLUMNS}, "ended_position": _LAST_POSITION.scalar_subquery()}
    ),
    (*_CHANGING_COLUMNS, "of_episode"),
    multi_row_update(
        episodes,
        _CHANGING_COLUMNS,
        "episode_id",
        ended_position="(SELECT max(position) FROM events WHERE stream_id = episodes.episode_id)",
    ),
)
_SET_SESSION = Statement(
    text(
        "INSERT INTO sessions (session_digest, episode_id) VALUES (:session_digest, :episode_id) "
        "ON CONFLICT (session_digest) DO UPDATE SET episode_id = excluded.episode_id"
    ),
    ("session_digest", "episode_id"),
)
# Under both names, the episode that was started last: a server of the previous version may write at the same time.
_OF_SESSION = (
    select(sessions.c.episode_id)
    .join(events, and_(events.c.stream_id == sessions.c.episode_id, events.c.version == 1))
    .where(sessions.c.session_digest.in_(bindparam("names", expanding=True)))
    .order_by(events.c.position.desc())
    .limit(1)
)
_IS_RUNNING = episodes.c.ended_position.is_(None)
_IDLE = (
    select(episodes.c.episode_id, episodes.c.version)
    # An episode that started later cannot have been idle for longer; the index of running episodes is by start.
    .where(_IS_RUNNING, episodes.c.started_at <= bindparam("until"), episodes.c.updated_at <= bindparam("until"))
    .order_by(episodes.c.started_at)
    .limit(bindparam("at_most"))
)
_ENDED = select(episodes.c.episode_id).where(
    episodes.c.episode_id.in_(bindparam("names", expanding=True)), episodes.c.ended_position.is_not(None)
)


class IdleEpisode(NamedTuple):
    """An open episode without recent events."""

    episode_id: str
    version: int


def episode_values(first: Link, last: Link, state: EpisodeState) -> dict[str, Any]:
    """The columns of an episode, without the position of its end."""
    return {
        "episode_id": last.stream_id,
        "task_id": state.reset.task_id,
        "agent": state.reset.agent,
        "reward_mode": state.reset.reward_mode,
        "started_at": first.recorded_at,
        "key_prefix": state.reset.key,
        "round": state.reset.round,
        **dict(zip(_CHANGING_COLUMNS, _changing_values(last, state), strict=True)),
    }


def episode_row(link: Link, state: EpisodeState) -> StatementRow:
    """The row of an episode that began."""
    return StatementRow(_START, _in_column_order(episode_values(link, link, state)))


def step_or_end_row(last: Link, state: EpisodeState) -> StatementRow:
    """The update of the row by a step or an end."""
    values = _changing_values(last, state)
    if state.ended is None:
        return StatementRow(_STEP, (*values, last.stream_id))
    return StatementRow(_END, (*values, last.stream_id))


def _changing_values(last: Link, state: EpisodeState) -> tuple[Any, ...]:
    """The values of `_CHANGING_COLUMNS`, in that order."""
    return (
        last.version,
        last.hash,
        state.step_count,
        state.total_reward,
        state.score,
        state.ended,
        last.recorded_at,
    )


def session_row(session_digest: str, episode_id: str) -> StatementRow:
    """Sets the current episode of a session."""
    return StatementRow(_SET_SESSION, (session_digest, episode_id))


async def read_session(reader: AsyncEngine, names: Sequence[str]) -> str | None:
    """The current episode of a session, which may be recorded under several names; None: it has none."""
    rows = await fetch_all(reader, _OF_SESSION, names=list(names))
    return rows[0].episode_id if rows else None


async def read_idle_episodes(reader: AsyncEngine, *, until: str, at_most: int) -> list[IdleEpisode]:
    """Open episodes whose last event is not after ``until`` (a recorded time)."""
    rows = await fetch_all(reader, _IDLE, until=until, at_most=at_most)
    return [IdleEpisode(row.episode_id, row.version) for row in rows]


async def read_ended(reader: AsyncEngine, names: Sequence[str]) -> list[str]:
    """Which of these episodes are over, whichever server ended them."""
    return [row.episode_id for row in await fetch_all(reader, _ENDED, names=list(names))]


async def read_open_count(reader: AsyncEngine, *, key_prefix: str | None = None) -> int:
    """How many episodes run; with a key, how many of its own."""
    running = select(func.count()).select_from(episodes).where(_IS_RUNNING, *_of_key(key_prefix))
    return int((await fetch_all(reader, running))[0][0])


async def read_last_scores(reader: AsyncEngine, *, key_prefix: str | None = None) -> dict[str, Any]:
    """The score of the episode of each task that ended last, and how many episodes run; with a key, of its own."""
    ended = select(func.max(episodes.c.ended_position)).where(*_of_key(key_prefix)).group_by(episodes.c.task_id)
    last = select(episodes.c.task_id, episodes.c.score).where(episodes.c.ended_position.in_(ended))
    scores = {row.task_id: row.score for row in await fetch_all(reader, last)}
    return {
        "scores": {task_id: scores.get(task_id) for task_id in TASK_IDS},
        "open_episodes": await read_open_count(reader, key_prefix=key_prefix),
    }


def _of_key(key_prefix: str | None) -> tuple[ColumnElement[bool], ...]:
    return () if key_prefix is None else (episodes.c.key_prefix == key_prefix,)
