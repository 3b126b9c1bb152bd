"""Builds the read models again from the events alone, in tables beside the live ones, and compares.

Rule 1: nothing live is touched before the rebuilt tables are whole. Rule 2: with verification, nothing is touched unless
they are equal. Rule 3: a server may run beside it: no event is recorded between the reading of the events and the commit.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any, Iterator, NamedTuple

from sqlalchemy import Column, Connection, MetaData, Select, Table, func, insert, select

from domain.chain import Link
from domain.scenario import Composition, Truth
from server.clock import to_milliseconds
from server.progress import NO_PROGRESS, Progress
from server.scenarios.repository import read_scenario
from server.storage.attempts import attempt_values
from server.storage.read_models import episode_values
from server.storage.schema import attempts, episode_rows, episodes, events, sessions, streams
from server.storage.stream_codec import fold_links, to_link

REBUILT = (episodes, attempts, sessions)
_STORED = {episodes: episode_rows, attempts: attempts, sessions: sessions}
"""Where the rows of what is rebuilt are stored."""
_TIMES = {"started_at": "started_ms", "updated_at": "updated_ms"}
_BATCH = 500
_SHOWN = 5
_BY_STREAM = select(events).order_by(events.c.stream_id, events.c.version)


class Difference(NamedTuple):
    """One table that differs from what its events give."""

    table: str
    live_only: int
    """Rows that follow from no event."""
    rebuilt_only: int
    """Rows that follow from events and are missing from the table."""
    examples: tuple[str, ...]
    """Names of some of the rows."""


class Rebuild(NamedTuple):
    """What a rebuild did."""

    rows: dict[str, int]
    """Table to rows built."""
    differences: tuple[Difference, ...]
    is_replaced: bool


def rebuild(connection: Connection, *, verify: bool, progress: Progress = NO_PROGRESS) -> Rebuild:
    """Rebuild in the current transaction. With ``verify`` the live tables are replaced only where they are equal."""
    _keep_writers_out(connection)
    beside = {table: _create_beside(connection, table) for table in REBUILT}
    total = connection.execute(select(func.count()).select_from(streams)).scalar_one()
    progress.begin("episodes folded", total)
    _fill(connection, beside, progress)
    progress.begin("tables compared", len(beside))
    compared = []
    for table, built in beside.items():
        compared.append(_compare(connection, table, built))
        progress.advance()
    differences = tuple(found for found in compared if found is not None)
    is_replaced = not (verify and differences)
    if is_replaced:
        for table, built in beside.items():
            _replace(connection, _STORED[table], built)
    rows = {
        _STORED[table].name: int(connection.execute(select(func.count()).select_from(built)).scalar_one())
        for table, built in beside.items()
    }
    for built in beside.values():
        built.drop(connection)
    return Rebuild(rows, differences, is_replaced)


def _replace(connection: Connection, table: Table, built: Table) -> None:
    connection.execute(table.delete())
    names = [column.name for column in table.columns]
    rows = select(*(built.c[name] for name in names)) if table is not episode_rows else _to_episode_rows(names, built)
    connection.execute(insert(table).from_select(names, rows))


def _to_episode_rows(names: list[str], built: Table) -> Select[Any]:
    columns = [streams.c.stream if name == "stream" else built.c[_TIMES.get(name, name)] for name in names]
    return select(*columns).join(streams, streams.c.stream_id == built.c.episode_id)


def _keep_writers_out(connection: Connection) -> None:
    """Lock the tables against writers until the commit. On SQLite a write transaction does that by itself.

    Every append changes a row of an episode before those of attempts and sessions: taken in the same order, the locks cannot
    deadlock, and appends in progress are waited for and read."""
    if connection.dialect.name == "postgresql":
        for table in _STORED.values():
            connection.exec_driver_sql(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE")


def _create_beside(connection: Connection, table: Table) -> Table:
    """A temporary table of the same columns."""
    columns = [Column(column.name, column.type, nullable=True) for column in table.columns if column.name != "stream"]
    built = Table(f"rebuilt_{table.name}", MetaData(), *columns, prefixes=["TEMPORARY"])
    built.create(connection)
    return built


def _fill(connection: Connection, beside: dict[Table, Table], progress: Progress) -> None:
    waiting: dict[Table, list[dict[str, Any]]] = {table: [] for table in beside}
    taken: dict[str, tuple[int, str]] = {}
    for links in _streams(connection):
        progress.advance()
        for table, values in _rows(connection, links, taken):
            waiting[table].append(values)
            if len(waiting[table]) >= _BATCH:
                connection.execute(insert(beside[table]), waiting[table])
                waiting[table] = []
    waiting[sessions] += [{"session_digest": session, "episode_id": episode} for session, (_, episode) in taken.items()]
    for table, rows in waiting.items():
        for start in range(0, len(rows), _BATCH):
            connection.execute(insert(beside[table]), rows[start : start + _BATCH])


def _streams(connection: Connection) -> Iterator[tuple[Link, ...]]:
    rows = connection.execute(_BY_STREAM, execution_options={"yield_per": _BATCH})
    for _, found in groupby(rows, key=lambda row: row.stream_id):
        yield tuple(to_link(row) for row in found)


def _rows(
    connection: Connection, links: tuple[Link, ...], taken: dict[str, tuple[int, str]]
) -> Iterator[tuple[Table, dict[str, Any]]]:
    """The rows of one episode; the newest episode of a session is only known at the end."""
    first, last = links[0], links[-1]
    state = fold_links(links).state
    ended = last.position if state.ended is not None else None
    values = {**episode_values(first, last, state), "ended_position": ended}
    yield episodes, values | {shown: to_milliseconds(values[name]) for name, shown in _TIMES.items()}
    begun = state.reset
    if begun.session is not None and (first.position or 0) > taken.get(begun.session, (-1, ""))[0]:
        taken[begun.session] = (first.position or 0, first.stream_id)
    if begun.round is not None:
        yield attempts, attempt_values(first, last, state, _truth(connection, begun.scenario_digest))


def _truth(connection: Connection, digest: str) -> Truth | Composition:
    return read_scenario(connection, digest).truth


def _compare(connection: Connection, table: Table, built: Table) -> Difference | None:
    names = [column.name for column in built.columns]
    live, rebuilt = select(*(table.c[name] for name in names)), select(*(built.c[name] for name in names))
    live_only = connection.execute(live.except_(rebuilt)).all()
    rebuilt_only = connection.execute(rebuilt.except_(live)).all()
    if not live_only and not rebuilt_only:
        return None
    key = "session_digest" if table is sessions else "episode_id"
    examples = sorted({str(getattr(row, key)) for row in (*live_only, *rebuilt_only)})
    return Difference(_STORED[table].name, len(live_only), len(rebuilt_only), tuple(examples[:_SHOWN]))
