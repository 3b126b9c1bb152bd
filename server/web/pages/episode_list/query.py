"""Reads one page of the episode list by keyset pagination: never by an offset.

Rule 1: a page starts at the key of an episode, so that the thousandth page costs as much as the first. Rule 2: sorting by
score or steps lists ended episodes only; the indexes for it hold no others, so that a step never changes them.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

from sqlalchemy import ColumnElement, Row, Select, Subquery, bindparam, func, literal, select, text, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncEngine

from server.storage.connections import fetch_all
from server.storage.schema import attempts, episodes, event_rows, events
from server.web.pages.episode_list.filter import ListFilter, ListRequest, Sort

PAGE_SIZE = 50
_MAX_AGENTS = 20
"""Max number of agents that match a prefix."""
_LAST_CHARACTER = "\U0010ffff"

_E = episodes.c
_IS_RUNNING = _E.ended_position.is_(None)
_SHOWN = (
    _E.episode_id,
    _E.task_id,
    _E.agent,
    _E.step_count,
    _E.total_reward,
    _E.score,
    _E.end_reason,
    _E.started_at,
    _E.updated_at,
    _E.stream,
    _E.started_ms,
)
_SORT_COLUMN: Mapping[Sort, ColumnElement[Any]] = {
    "newest": _E.started_ms,
    "oldest": _E.started_ms,
    "best": _E.score,
    "worst": _E.score,
    "longest": _E.step_count,
    "shortest": _E.step_count,
}
_DESCENDING: frozenset[Sort] = frozenset({"newest", "best", "longest"})
_AGENTS = text(
    "WITH RECURSIVE named(agent) AS ("
    "SELECT min(agent) FROM episodes WHERE agent >= :first AND agent < :end "
    "UNION ALL "
    "SELECT (SELECT min(agent) FROM episodes WHERE agent > named.agent AND agent < :end) "
    "FROM named WHERE named.agent IS NOT NULL"
    ") SELECT agent FROM named WHERE agent IS NOT NULL LIMIT :max_rows"
)
_ANCHOR = (
    select(_E.stream, _E.started_ms, _E.score, _E.step_count)
    .join(event_rows, event_rows.c.stream == _E.stream)
    .where(event_rows.c.position == bindparam("wanted"), event_rows.c.version == 1)
)


class ListPage(NamedTuple):
    """One page of the list."""

    rows: tuple[Row[Any], ...]
    has_earlier: bool
    has_later: bool


async def read_list(reader: AsyncEngine, request: ListRequest) -> ListPage:
    """The requested page."""
    agents = await _agents(reader, request.filter)
    place = request.after if request.after is not None else request.before
    anchor = await _read_anchor(reader, place)
    is_backward = request.after is None and request.before is not None and anchor is not None
    query = list_query(request.filter, agents, anchor, is_backward=is_backward)
    found = await fetch_all(reader, query)
    has_more = len(found) > PAGE_SIZE
    rows = found[:PAGE_SIZE][::-1] if is_backward else found[:PAGE_SIZE]
    return ListPage(
        tuple(rows),
        has_earlier=has_more if is_backward else anchor is not None,
        has_later=is_backward or has_more,
    )


async def _agents(reader: AsyncEngine, wanted: ListFilter) -> tuple[str, ...] | None:
    """The agents that match; None: any."""
    if wanted.agent is not None:
        return (wanted.agent,)
    if wanted.q is None:
        return None
    values = {"first": wanted.q, "end": wanted.q + _LAST_CHARACTER, "max_rows": _MAX_AGENTS}
    return tuple(row.agent for row in await fetch_all(reader, _AGENTS, **values))


async def _read_anchor(reader: AsyncEngine, place: int | None) -> Row[Any] | None:
    if place is None:
        return None
    rows = await fetch_all(reader, _ANCHOR, wanted=place)
    return rows[0] if rows else None


def list_query(
    wanted: ListFilter, agents: tuple[str, ...] | None, anchor: Row[Any] | None, *, is_backward: bool
) -> Select[Any]:
    """The query for one row more than a page, which shows whether another page follows. ``agents``: None is any."""
    if agents is None:
        page = _part(wanted, None, anchor, is_backward=is_backward).subquery("page")
    else:
        page = _parts(wanted, agents, anchor, is_backward=is_backward)
    of_reset = (events.c.stream_id == page.c.episode_id, events.c.version == 1)
    number = (
        select(event_rows.c.position)
        .where(event_rows.c.stream == page.c.stream, event_rows.c.version == 1)
        .scalar_subquery()
        .label("number")
    )
    reset_payload = select(events.c.payload).where(*of_reset).scalar_subquery().label("reset_payload")
    return select(page, number, reset_payload).order_by(*_order(wanted.sort, page.c, is_backward=is_backward))


def _parts(wanted: ListFilter, agents: tuple[str, ...], anchor: Row[Any] | None, *, is_backward: bool) -> Subquery:
    """The first rows of each agent, each read by an index, merged."""
    each = [
        select(_part(wanted, agent, anchor, is_backward=is_backward).subquery(f"agent_{at}"))
        for at, agent in enumerate(agents)
    ]
    if not each:
        return select(*_SHOWN).where(literal(False)).subquery("page")
    together = union_all(*each).subquery("together")
    order = _order(wanted.sort, together.c, is_backward=is_backward)
    return select(together).order_by(*order).limit(PAGE_SIZE + 1).subquery("page")


def _part(wanted: ListFilter, agent: str | None, anchor: Row[Any] | None, *, is_backward: bool) -> Select[Any]:
    conditions = _conditions(wanted)
    if agent is not None:
        conditions.append(_E.agent == agent)
    if anchor is not None:
        column = _SORT_COLUMN[wanted.sort]
        key = tuple_(column, _E.stream)
        beside = tuple_(literal(getattr(anchor, column.key or "")), literal(anchor.stream))
        is_down = (wanted.sort in _DESCENDING) != is_backward
        conditions.append(key < beside if is_down else key > beside)
    order = _order(wanted.sort, _E, is_backward=is_backward)
    return select(*_SHOWN).where(*conditions).order_by(*order).limit(PAGE_SIZE + 1)


def _conditions(wanted: ListFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.is_ended_only:
        conditions.append(~_IS_RUNNING)
    if wanted.status == "running":
        conditions.append(_IS_RUNNING)
    elif wanted.status not in (None, "ended"):
        conditions.append(_E.end_reason == wanted.status)
    if wanted.task is not None:
        # Not the bare column: the planner would choose the index of tasks, which excludes too little.
        conditions.append(func.coalesce(_E.task_id, "") == wanted.task)
    if wanted.round is not None:
        of_round = select(attempts.c.episode_id).where(attempts.c.round_id == wanted.round)
        conditions.append(_E.episode_id.in_(of_round))
    bounds = (
        (_E.score, wanted.least_score, wanted.most_score),
        (_E.step_count, wanted.least_steps, wanted.most_steps),
    )
    for column, least, most in bounds:
        if least is not None:
            conditions.append(column >= least)
        if most is not None:
            conditions.append(column <= most)
    return conditions


def _order(sort: Sort, columns: Any, *, is_backward: bool) -> list[ColumnElement[Any]]:
    key = columns[_SORT_COLUMN[sort].key]
    is_down = (sort in _DESCENDING) != is_backward
    return [each.desc() if is_down else each.asc() for each in (key, columns.stream)]
