"""What the pages ask the database. The only module of the pages that speaks SQL."""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence

from sqlalchemy import Row, bindparam, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.types import TASK_IDS
from server.storage.connections import fetch_all
from server.storage.schema import episodes, events

_IS_RUNNING = episodes.c.ended_position.is_(None)
_AT_POSITION = select(events.c.stream_id, events.c.version).where(events.c.position == bindparam("wanted"))
_PIECE = 500
_FIRST = events.alias("first_event")
_OF_SAME_STREAM = (_FIRST.c.stream_id == events.c.stream_id, _FIRST.c.version == 1)
_NUMBER = select(_FIRST.c.position).where(*_OF_SAME_STREAM).scalar_subquery().label("number")
_BEGINNING = select(_FIRST.c.payload).where(*_OF_SAME_STREAM).scalar_subquery().label("beginning")
_TOLD = (
    select(
        events.c.position,
        events.c.stream_id,
        events.c.version,
        events.c.kind,
        events.c.schema_version,
        events.c.payload,
        events.c.recorded_at,
        episodes.c.task_id,
        episodes.c.agent,
        episodes.c.score,
        _NUMBER,
        _BEGINNING,
    )
    .join(episodes, episodes.c.episode_id == events.c.stream_id)
    .where(events.c.position > bindparam("after"), events.c.position <= bindparam("until"))
    .order_by(events.c.position)
    .limit(_PIECE)
)
_RUNNING = (
    select(
        episodes.c.episode_id,
        episodes.c.task_id,
        episodes.c.agent,
        episodes.c.version,
        episodes.c.started_at,
        episodes.c.updated_at,
    )
    .where(_IS_RUNNING)
    .order_by(episodes.c.started_at.desc())
    .limit(bindparam("at_most"))
)
_RECORDED = (
    select(
        events.c.stream_id,
        events.c.version,
        events.c.kind,
        events.c.position,
        events.c.schema_version,
        events.c.payload,
    )
    .where(events.c.stream_id.in_(bindparam("streams", expanding=True)))
    .order_by(events.c.stream_id, events.c.version)
)
_OF_TASK = (
    select(
        episodes.c.episode_id,
        episodes.c.task_id,
        episodes.c.agent,
        episodes.c.score,
        episodes.c.end_reason,
        episodes.c.step_count,
        episodes.c.updated_at,
        episodes.c.ended_position,
    )
    .where(episodes.c.ended_position.is_not(None))
    .order_by(episodes.c.ended_position.desc())
    .limit(bindparam("at_most"))
)
# By task, as the index of ends is.
_BY_TASK = union_all(
    *(select(_OF_TASK.where(episodes.c.task_id == task).subquery(task)) for task in TASK_IDS)
).subquery()
_ENDED = select(_BY_TASK).order_by(_BY_TASK.c.ended_position.desc()).limit(bindparam("at_most"))
_COUNTS = (
    select(func.count()).select_from(episodes).where(_IS_RUNNING).scalar_subquery().label("running"),
    select(func.count()).where(episodes.c.task_id.in_(TASK_IDS), ~_IS_RUNNING).scalar_subquery().label("ended"),
    select(func.max(events.c.position)).scalar_subquery().label("position"),
)


class Counts(NamedTuple):
    """How much there is."""

    running: int
    ended: int
    position: int
    """Position of the newest event; 0: there is none."""


async def read_stream_id(reader: AsyncEngine, position: int) -> str | None:
    """The episode that began at a position; null: none did."""
    rows = await fetch_all(reader, _AT_POSITION, wanted=position)
    return str(rows[0].stream_id) if rows and rows[0].version == 1 else None


async def read_counts(reader: AsyncEngine) -> Counts:
    (row,) = await fetch_all(reader, select(*_COUNTS))
    return Counts(row.running, row.ended, row.position or 0)


async def read_told(reader: AsyncEngine, *, after: int, until: int) -> list[Row[Any]]:
    """Events after a position and up to a safe one, as many as fit one piece, each with its episode's row and number."""
    return await fetch_all(reader, _TOLD, after=after, until=until)


async def read_running(reader: AsyncEngine, at_most: int) -> list[Row[Any]]:
    """The episodes that began last of those that run."""
    return await fetch_all(reader, _RUNNING, at_most=at_most)


async def read_recorded(reader: AsyncEngine, streams: Sequence[str]) -> dict[str, list[Row[Any]]]:
    """All events of some episodes, in order."""
    found: dict[str, list[Row[Any]]] = {}
    for row in await fetch_all(reader, _RECORDED, streams=list(streams)):
        found.setdefault(row.stream_id, []).append(row)
    return found


async def read_ended(reader: AsyncEngine, at_most: int) -> list[Row[Any]]:
    """The episodes that ended last."""
    return await fetch_all(reader, _ENDED, at_most=at_most)
