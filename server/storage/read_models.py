"""The read models of episodes and sessions: rows, written in the transaction of the append they describe, and queries."""

from __future__ import annotations

from operator import itemgetter
from typing import Any, NamedTuple, Sequence

from sqlalchemy import ColumnElement, and_, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.chain import Link
from domain.episode.decide import EpisodeState
from domain.types import TASK_IDS
from server.clock import to_milliseconds
from server.storage.connections import fetch_all
from server.storage.schema import episode_rows, episodes, event_rows, sessions, streams
from server.storage.sql import Statement, StatementRow, multi_row_update

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
_STREAM = select(streams.c.stream).where(streams.c.stream_id == bindparam("episode_id")).scalar_subquery()


def _insert_text(count: int) -> str:
    """SQLite's text for rows of `_COLUMNS`, of which the first names the stream."""
    rows = ", ".join([f"({', '.join('?' * len(_COLUMNS))})"] * count)
    given = ", ".join(f"new.column{number}" for number in range(2, len(_COLUMNS) + 1))
    return (
        f"INSERT INTO episodes (stream, {', '.join(_COLUMNS[1:])}) SELECT s.stream, {given} FROM (VALUES {rows}) AS new "
        "CROSS JOIN streams AS s ON s.stream_id = new.column1"
    )


_START = Statement(
    episode_rows.insert().values({name: bindparam(name) for name in _COLUMNS[1:]} | {"stream": _STREAM}),
    _COLUMNS,
    _insert_text,
)
_ON_EPISODE = episode_rows.c.stream == _STREAM
_NAMED = "(SELECT stream FROM streams WHERE stream_id = {name})"
_STEP = Statement(
    episode_rows.update().where(_ON_EPISODE).values({name: bindparam(name) for name in _CHANGING_COLUMNS}),
    (*_CHANGING_COLUMNS, "episode_id"),
    multi_row_update(episode_rows, _CHANGING_COLUMNS, "stream", _NAMED),
)
_LAST_POSITION = select(func.max(event_rows.c.position)).where(event_rows.c.stream == episode_rows.c.stream)
_END = Statement(
    episode_rows.update()
    .where(_ON_EPISODE)
    .values(
        {**{name: bindparam(name) for name in _CHANGING_COLUMNS}, "ended_position": _LAST_POSITION.scalar_subquery()}
    ),
    (*_CHANGING_COLUMNS, "episode_id"),
    multi_row_update(
        episode_rows,
        _CHANGING_COLUMNS,
        "stream",
        _NAMED,
        ended_position="(SELECT max(position) FROM events WHERE stream = episodes.stream)",
    ),
)
_SET_SESSION = Statement(
    text(
        "INSERT INTO sessions (session_digest, episode_id) VALUES (:session_digest, :episode_id) "
        "ON CONFLICT (session_digest) DO UPDATE SET episode_id = excluded.episode_id"
    ),
    ("session_digest", "episode_id"),
    is_named=True,
)
# Under both names, the episode that was started last: a server of the previous version may write at the same time.
_OF_SESSION = (
    select(sessions.c.episode_id)
    .join(streams, streams.c.stream_id == sessions.c.episode_id)
    .join(event_rows, and_(event_rows.c.stream == streams.c.stream, event_rows.c.version == 1))
    .where(sessions.c.session_digest.in_(bindparam("names", expanding=True)))
    .order_by(event_rows.c.position.desc())
    .limit(1)
)
_IS_RUNNING = episode_rows.c.ended_position.is_(None)
_IDLE = (
    select(streams.c.stream_id.label("episode_id"), episode_rows.c.version)
    .join(streams, streams.c.stream == episode_rows.c.stream)
    # An episode that started later cannot have been idle for longer; the index of running episodes is by start.
    .where(
        _IS_RUNNING, episode_rows.c.started_at <= bindparam("until"), episode_rows.c.updated_at <= bindparam("until")
    )
    .order_by(episode_rows.c.started_at)
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
    """The columns of an episode as ``recorded_episodes`` shows them, without the position of its end."""
    return {
        "episode_id": last.stream_id,
        "task_id": state.reset.task_id,
        "agent": state.reset.agent,
        "reward_mode": state.reset.reward_mode,
        "key_prefix": state.reset.key,
        "round": state.reset.round,
        "version": last.version,
        "head_hash": last.hash,
        "step_count": state.step_count,
        "total_reward": state.total_reward,
        "score": state.score,
        "end_reason": state.ended,
        "started_at": first.recorded_at,
        "updated_at": last.recorded_at,
    }


def episode_row(link: Link, state: EpisodeState) -> StatementRow:
    """The row of an episode that began."""
    began = to_milliseconds(link.recorded_at)
    values = {**episode_values(link, link, state), "started_at": began, "updated_at": began}
    return StatementRow(_START, _in_column_order(values))


def step_or_end_row(last: Link, state: EpisodeState) -> StatementRow:
    """The update of the row by a step or an end: the values of `_CHANGING_COLUMNS`, in that order, and the id."""
    return StatementRow(
        _STEP if state.ended is None else _END,
        (
            last.version,
            last.hash,
            state.step_count,
            state.total_reward,
            state.score,
            state.ended,
            to_milliseconds(last.recorded_at),
            last.stream_id,
        ),
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
    rows = await fetch_all(reader, _IDLE, until=to_milliseconds(until), at_most=at_most)
    return [IdleEpisode(row.episode_id, row.version) for row in rows]


async def read_ended(reader: AsyncEngine, names: Sequence[str]) -> list[str]:
    """Which of these episodes are over, whichever server ended them."""
    return [row.episode_id for row in await fetch_all(reader, _ENDED, names=list(names))]


async def read_open_count(reader: AsyncEngine, *, key_prefix: str | None = None) -> int:
    """How many episodes run; with a key, how many of its own."""
    # Counts the indexed column, which is never NULL: SQLite then reads the index of what runs, not one of every episode.
    running = select(func.count(episode_rows.c.started_at)).where(_IS_RUNNING, *_of_key(key_prefix))
    return int((await fetch_all(reader, running))[0][0])


async def read_last_scores(reader: AsyncEngine, *, key_prefix: str | None = None) -> dict[str, Any]:
    """The score of the episode of each task that ended last, and how many episodes run; with a key, of its own."""
    ended = select(func.max(episode_rows.c.ended_position)).where(*_of_key(key_prefix)).group_by(episode_rows.c.task_id)
    last = select(episode_rows.c.task_id, episode_rows.c.score).where(episode_rows.c.ended_position.in_(ended))
    scores = {row.task_id: row.score for row in await fetch_all(reader, last)}
    return {
        "scores": {task_id: scores.get(task_id) for task_id in TASK_IDS},
        "open_episodes": await read_open_count(reader, key_prefix=key_prefix),
    }


def _of_key(key_prefix: str | None) -> tuple[ColumnElement[bool], ...]:
    return () if key_prefix is None else (episode_rows.c.key_prefix == key_prefix,)
