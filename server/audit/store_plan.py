"""What an audit of many episodes begins with: their names by scenario, whatever table they are in."""

from __future__ import annotations

import json
from typing import Any, Iterator

from sqlalchemy import Connection, exists, select

from server.audit.episode_index import NO_SCENARIO, EpisodeIndex
from server.audit.report import StoreFinding
from server.storage.schema import attempts, episode_rows, episodes, event_rows, events, regrades, streams

_FETCHED = 1000
_RESETS = select(events.c.stream_id, events.c.payload).where(events.c.version == 1)


def plan_episodes(connection: Connection, index: EpisodeIndex, round_id: str | None) -> None:
    """Add all episodes, or those of a round by any table or by their first event. The connection is in a transaction."""
    if round_id is None:
        _plan_all(connection, index)
        return
    for query in (
        select(episodes.c.episode_id).where(episodes.c.round == round_id),
        select(attempts.c.episode_id).where(attempts.c.round_id == round_id),
        select(regrades.c.episode_id).where(regrades.c.round_id == round_id),
    ):
        index.add(connection.execute(query).scalars())
    for rows in _partitions(connection, _RESETS):
        read = [(name, *_scenario_and_round(payload)) for name, payload in rows]
        index.add(name for name, _, of_round in read if of_round == round_id)
        index.set_scenarios((name, digest) for name, digest, _ in read)


def _plan_all(connection: Connection, index: EpisodeIndex) -> None:
    for rows in _partitions(connection, _RESETS):
        index.add_with_scenarios((name, _scenario_and_round(payload)[0]) for name, payload in rows)
    begun = exists().where(event_rows.c.stream == streams.c.stream)
    for query in (
        select(streams.c.stream_id).where(begun, ~begun.where(event_rows.c.version == 1)),
        select(episodes.c.episode_id).where(~exists().where(event_rows.c.stream == episodes.c.stream)),
        select(attempts.c.episode_id),
        select(regrades.c.episode_id),
    ):
        for rows in _partitions(connection, query):
            index.add(name for (name,) in rows)


def find_unnamed_streams(connection: Connection) -> list[StoreFinding]:
    """Events and rows of episodes whose stream has lost its name, which no episode shows any more."""
    found = []
    for table, what in ((event_rows, "events"), (episode_rows, "a row of an episode")):
        unnamed = select(table.c.stream).where(table.c.stream.not_in(select(streams.c.stream))).distinct()
        found += [
            StoreFinding(code="row", version=None, message=f"stream {stream} has {what}, but no name", episode_id=None)
            for stream in connection.execute(unnamed).scalars()
        ]
    return found


def _partitions(connection: Connection, query: Any) -> Iterator[Any]:
    """The rows of a query, a thousand at a time."""
    return iter(connection.execute(query, execution_options={"yield_per": _FETCHED}).partitions())


def _scenario_and_round(payload: object) -> tuple[str, str | None]:
    """Of a reset. One that cannot be read names neither; the audit of that episode reports it."""
    try:
        reset = json.loads(payload)  # type: ignore[arg-type]
        digest, of_round = reset["scenario_digest"], reset.get("round")
    except (ValueError, TypeError, LookupError, AttributeError):
        return NO_SCENARIO, None
    return digest if isinstance(digest, str) else NO_SCENARIO, of_round if isinstance(of_round, str) else None
