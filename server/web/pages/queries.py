"""SQL queries shared by the pages; those of the list are in ``episode_list.query``."""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence

from sqlalchemy import Row, bindparam, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.types import TASK_IDS
from server.storage.connections import fetch_all
from server.storage.schema import attempts, episode_rows, episodes, event_rows, events
from server.web.pages.episode_list.totals import TotalsCache

_IS_RUNNING = episodes.c.ended_position.is_(None)
_IS_RUNNING_ROW = episode_rows.c.ended_position.is_(None)
_EVENT_AT_POSITION = select(events.c.stream_id, events.c.version).where(events.c.position == bindparam("wanted"))
_FEED_BATCH_SIZE = 500
_FIRST = events.alias("first_event")
_OF_SAME_STREAM = (_FIRST.c.stream_id == events.c.stream_id, _FIRST.c.version == 1)
_NUMBER = select(_FIRST.c.position).where(*_OF_SAME_STREAM).scalar_subquery().label("number")
_RESET_PAYLOAD = select(_FIRST.c.payload).where(*_OF_SAME_STREAM).scalar_subquery().label("reset_payload")
_FEED_EVENTS = (
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
        _RESET_PAYLOAD,
    )
    .join(episodes, episodes.c.episode_id == events.c.stream_id)
    .where(events.c.position > bindparam("after"), events.c.position <= bindparam("until"))
    .order_by(events.c.position)
    .limit(_FEED_BATCH_SIZE)
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
    .order_by(episodes.c.started_ms.desc())
    .limit(bindparam("max_rows"))
)
_STREAM_EVENTS = (
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
_ENDED_EPISODES = (
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
    .limit(bindparam("max_rows"))
)
# Per task: the index of ended episodes begins with the task.
_ENDED_BY_TASK = union_all(
    *(select(_ENDED_EPISODES.where(episodes.c.task_id == task).subquery(task)) for task in TASK_IDS)
).subquery()
_ENDED = select(_ENDED_BY_TASK).order_by(_ENDED_BY_TASK.c.ended_position.desc()).limit(bindparam("max_rows"))
_COUNTS = (
    select(func.count(episode_rows.c.started_at)).where(_IS_RUNNING_ROW).scalar_subquery().label("running"),
    select(func.max(event_rows.c.position)).scalar_subquery().label("position"),
)

_ENTRANTS = select(
    attempts.c.round_id,
    func.count(attempts.c.agent.distinct()).label("agents"),
    func.count().label("attempts"),
    func.count(attempts.c.end_reason).label("ended"),
).group_by(attempts.c.round_id)


class Counts(NamedTuple):
    """Counters of the front page and the live page."""

    running: int
    ended: int
    position: int
    """Position of the newest event; 0 if there is none."""


async def read_stream_id(reader: AsyncEngine, position: int) -> str | None:
    """The id of the episode whose reset has a position; None: no reset has it."""
    rows = await fetch_all(reader, _EVENT_AT_POSITION, wanted=position)
    return str(rows[0].stream_id) if rows and rows[0].version == 1 else None


async def read_counts(reader: AsyncEngine, totals: TotalsCache) -> Counts:
    """The counters at this moment."""
    ended = await totals.count_ended()
    (row,) = await fetch_all(reader, select(*_COUNTS))
    return Counts(row.running, ended, row.position or 0)


async def read_entrants(reader: AsyncEngine) -> dict[str, Row[Any]]:
    """By round, how many agents have begun how many attempts; a round without attempts is left out."""
    return {row.round_id: row for row in await fetch_all(reader, _ENTRANTS)}


async def read_feed_events(reader: AsyncEngine, *, after: int, until: int) -> list[Row[Any]]:
    """One batch of events after a position and up to a safe one, each with its episode's row, number and reset payload."""
    return await fetch_all(reader, _FEED_EVENTS, after=after, until=until)


async def read_running(reader: AsyncEngine, max_rows: int) -> list[Row[Any]]:
    """The running episodes that started last."""
    return await fetch_all(reader, _RUNNING, max_rows=max_rows)


async def read_streams(reader: AsyncEngine, episode_ids: Sequence[str]) -> dict[str, list[Row[Any]]]:
    """All events of some episodes, by episode id, in order."""
    found: dict[str, list[Row[Any]]] = {}
    for row in await fetch_all(reader, _STREAM_EVENTS, streams=list(episode_ids)):
        found.setdefault(row.stream_id, []).append(row)
    return found


async def read_ended(reader: AsyncEngine, max_rows: int) -> list[Row[Any]]:
    """The episodes that ended last, newest first."""
    return await fetch_all(reader, _ENDED, max_rows=max_rows)
