"""Reads one page of the episode list by keyset pagination: never by an offset.

Rule 1: a page starts at the key of an episode, so that the thousandth page costs as much as the first. Rule 2: sorting by
score or steps lists ended episodes only; the indexes for it hold no others, so that a step never changes them.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Sequence

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Subquery,
    bindparam,
    case,
    func,
    literal,
    select,
    text,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.ranking.statistics import PASS_SCORE
from domain.types import TASK_IDS
from server.storage.connections import fetch_all
from server.storage.positions import read_safe_position
from server.storage.schema import attempts, episodes, event_rows, events, scenarios
from server.web.pages.episode_list.filter import PAGE_SIZE, ListFilter, ListRequest, Sort

MAX_COUNTED = 250_000
"""Max number of episodes that are counted at once."""
_MAX_AGENTS = 20
"""Max number of agents that match a prefix."""
_POSITION = select(func.coalesce(func.max(event_rows.c.position), 0)).scalar_subquery().label("position")
_LAST_CHARACTER = "\U0010ffff"

Agents = tuple[str, ...] | None
"""Names; None: any."""

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
    _E.ended_position,
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


_ENDS = select(events.c.stream_id, events.c.kind, events.c.schema_version, events.c.payload).where(
    events.c.position.in_(bindparam("positions", expanding=True))
)
_BODIES = select(scenarios.c.digest, scenarios.c.body).where(
    scenarios.c.digest.in_(bindparam("digests", expanding=True))
)


class ListPage(NamedTuple):
    """One page of the list."""

    rows: tuple[Row[Any], ...]
    has_earlier: bool
    has_later: bool


class EndedFigures(NamedTuple):
    """Figures of episodes that had ended at a position."""

    position: int = 0
    episodes: int = 0
    score: float = 0.0
    """The sum of their scores."""
    passed: int = 0

    def plus(self, later: EndedFigures) -> EndedFigures:
        """With those that ended between the two positions."""
        return EndedFigures(
            later.position, self.episodes + later.episodes, self.score + later.score, self.passed + later.passed
        )


EMPTY_PAGE = ListPage((), has_earlier=False, has_later=False)


async def read_list(reader: AsyncEngine, request: ListRequest) -> ListPage:
    """The requested page."""
    agents = await match_agents(reader, request.filter)
    place = request.after if request.after is not None else request.before
    anchor = await _read_anchor(reader, place)
    is_backward = request.after is None and request.before is not None and anchor is not None
    query = list_query(request.filter, agents, anchor, is_backward=is_backward, size=request.size)
    found = await fetch_all(reader, query)
    has_more = len(found) > request.size
    rows = found[: request.size][::-1] if is_backward else found[: request.size]
    return ListPage(
        tuple(rows),
        has_earlier=has_more if is_backward else anchor is not None,
        has_later=is_backward or has_more,
    )


async def read_groups(reader: AsyncEngine, wanted: ListFilter) -> list[Row[Any]]:
    """Figures over the ended episodes of a filter, for each round and task; no round: practice."""
    agents = await match_agents(reader, wanted)
    ended = _counted(wanted, agents, _E.task_id, _E.round, _E.score, _E.step_count)
    keys = (ended.c.round, ended.c.task_id)
    figures = (*_figures(ended.c.score), func.avg(ended.c.step_count).label("mean_steps"))
    return await fetch_all(reader, select(*keys, *figures).group_by(*keys).order_by(*keys))


async def read_ended_figures(reader: AsyncEngine, wanted: ListFilter, agents: Agents, *, after: int) -> EndedFigures:
    """Figures over the episodes of a filter that ended after a position, and up to which they are."""
    # On SQLite the statement itself is a snapshot; a bound from above would make it look up every row.
    until = None if reader.dialect.name == "sqlite" else await read_safe_position(reader)
    (row,) = await fetch_all(reader, ended_query(wanted, agents, after=after, until=until))
    return EndedFigures(row.position if until is None else until, row.ended, row.score or 0.0, row.passed or 0)


def ended_query(wanted: ListFilter, agents: Agents, *, after: int = 0, until: int | None = None) -> Select[Any]:
    """The query for the figures of episodes that ended after a position. ``until``: None is up to now."""
    bound = () if until is None else (_E.ended_position <= until,)
    if after:
        # By the index of tasks and positions: an agent's name behind a function, so that its index is not chosen.
        named = () if agents is None else (func.coalesce(_E.agent, "").in_(agents),)
        since = (_E.task_id.in_(TASK_IDS), _E.ended_position > after, *named, *_conditions(wanted))
        ended = select(_E.score).where(*since, *bound).limit(MAX_COUNTED).subquery("counted")
    else:
        ended = _counted(wanted, agents, _E.score, bound=bound)
    figures = (func.count().label("ended"), func.sum(ended.c.score).label("score"), _passed(ended.c.score))
    return select(*figures, *((_POSITION,) if until is None else ())).select_from(ended)


async def read_ended_count(reader: AsyncEngine, after: int) -> tuple[int, int]:
    """The present position, and how many episodes ended between a position and it."""
    until = await read_safe_position(reader)
    between = (_E.ended_position > after, _E.ended_position <= until)
    (row,) = await fetch_all(reader, select(func.count()).where(_E.task_id.in_(TASK_IDS), *between))
    return until, int(row[0])


async def read_running_count(reader: AsyncEngine, wanted: ListFilter, agents: Agents) -> int:
    """How many episodes of a filter run, by an index that has nothing else."""
    of_filter = select(literal(1)).where(_IS_RUNNING, *_conditions(wanted), *_of_agents(agents))
    (row,) = await fetch_all(reader, select(func.count()).select_from(of_filter.limit(MAX_COUNTED).subquery()))
    return int(row[0])


def _counted(wanted: ListFilter, agents: Agents, *columns: Any, bound: Sequence[ColumnElement[bool]] = ()) -> Subquery:
    """Columns of the ended episodes of a filter, of at most ``MAX_COUNTED``."""
    # Every ended episode has a score; naming it makes SQLite choose an index that has all the columns.
    conditions = (~_IS_RUNNING, _E.score >= 0, *_conditions(wanted), *_of_agents(agents), *bound)
    return select(*columns).where(*conditions).limit(MAX_COUNTED).subquery("counted")


def _figures(score: Any) -> tuple[Any, ...]:
    return func.count().label("ended"), func.avg(score).label("mean_score"), _passed(score)


def _passed(score: Any) -> ColumnElement[Any]:
    return func.sum(case((score >= PASS_SCORE, 1), else_=0)).label("passed")


def _of_agents(agents: Agents) -> tuple[ColumnElement[bool], ...]:
    return () if agents is None else (_E.agent.in_(agents),)


async def read_ended_ids(reader: AsyncEngine, agent: str, max_rows: int) -> list[Row[Any]]:
    """Id, score and start of the ended episodes that an agent began last."""
    columns = (_E.episode_id, _E.score, _E.started_at)
    ended = select(*columns).where(_E.agent == agent, ~_IS_RUNNING).order_by(_E.started_ms.desc())
    return await fetch_all(reader, ended.limit(max_rows))


async def read_ends(reader: AsyncEngine, positions: Sequence[int]) -> list[Row[Any]]:
    """The last events of ended episodes, by their positions."""
    return await fetch_all(reader, _ENDS, positions=list(positions)) if positions else []


async def read_scenario_bodies(reader: AsyncEngine, digests: Sequence[str]) -> list[Row[Any]]:
    """Digests and compressed bodies of scenarios."""
    return await fetch_all(reader, _BODIES, digests=list(digests)) if digests else []


async def match_agents(reader: AsyncEngine, wanted: ListFilter) -> Agents:
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
    wanted: ListFilter,
    agents: Agents,
    anchor: Row[Any] | None,
    *,
    is_backward: bool,
    size: int = PAGE_SIZE,
) -> Select[Any]:
    """The query for one row more than a page, which shows whether another page follows. ``agents``: None is any."""
    if agents is None:
        page = _part(wanted, None, anchor, is_backward=is_backward, size=size).subquery("page")
    else:
        page = _parts(wanted, agents, anchor, is_backward=is_backward, size=size)
    of_reset = (events.c.stream_id == page.c.episode_id, events.c.version == 1)
    number = (
        select(event_rows.c.position)
        .where(event_rows.c.stream == page.c.stream, event_rows.c.version == 1)
        .scalar_subquery()
        .label("number")
    )
    reset_payload = select(events.c.payload).where(*of_reset).scalar_subquery().label("reset_payload")
    return select(page, number, reset_payload).order_by(*_order(wanted.sort, page.c, is_backward=is_backward))


def _parts(
    wanted: ListFilter, agents: tuple[str, ...], anchor: Row[Any] | None, *, is_backward: bool, size: int
) -> Subquery:
    """The first rows of each agent, each read by an index, merged."""
    each = [
        select(_part(wanted, agent, anchor, is_backward=is_backward, size=size).subquery(f"agent_{at}"))
        for at, agent in enumerate(agents)
    ]
    if not each:
        return select(*_SHOWN).where(literal(False)).subquery("page")
    together = union_all(*each).subquery("together")
    order = _order(wanted.sort, together.c, is_backward=is_backward)
    return select(together).order_by(*order).limit(size + 1).subquery("page")


def _part(
    wanted: ListFilter, agent: str | None, anchor: Row[Any] | None, *, is_backward: bool, size: int
) -> Select[Any]:
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
    return select(*_SHOWN).where(*conditions).order_by(*order).limit(size + 1)


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
    if wanted.run is not None:
        # No range of ids: how texts are ordered is up to the database.
        conditions.append(func.substr(_E.episode_id, 1, len(wanted.run) + 1) == f"{wanted.run}.")
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
