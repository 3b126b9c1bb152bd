"""Compares what costs little to compare of many episodes: what earlier audits have derived them from, chains and heads."""

from __future__ import annotations

import hashlib
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, Callable, Iterable, Mapping, NamedTuple, Sequence

from sqlalchemy import BindParameter, Connection, Row, bindparam, select

from domain.chain import Link, verify_chain
from domain.ranking.rounds import round_of_name
from server.audit.audit_records import DerivedEpisode, fingerprint_of
from server.audit.ranked_checks import RankedAuditData
from server.audit.report import Finding
from server.storage.errors import UnreadableEventError
from server.storage.schema import attempts, episode_rows, event_rows, events, regrades, rubrics, scenarios, streams
from server.storage.stream_codec import to_link

_COLUMNS = event_rows.columns.keys()
_STREAM, _VERSION, _HASH = map(_COLUMNS.index, ("stream", "version", "hash"))
_OF: BindParameter[Any] = bindparam("of", expanding=True)
_STREAMS = select(streams).where(streams.c.stream_id.in_(_OF))
_ROWS = select(episode_rows).where(episode_rows.c.stream.in_(_OF))
_ATTEMPTS = select(attempts).where(attempts.c.episode_id.in_(_OF))
_REGRADES = select(regrades).where(regrades.c.episode_id.in_(_OF)).order_by(regrades.c.rubric_version)
_EVENTS = select(event_rows).where(event_rows.c.stream.in_(_OF)).order_by(event_rows.c.stream, event_rows.c.version)


class StoredEpisode(NamedTuple):
    """What the database has of an episode."""

    events: int
    head: tuple[int, bytes] | None
    """Version and hash of the last event. None: there are no events."""
    row: Row[Any] | None
    fingerprint: str
    """Of all that a derivation reads, with every stored byte of the events."""


def read_stored(
    connection: Connection, batch: Sequence[tuple[str, str]], ranked: RankedAuditData
) -> dict[str, StoredEpisode]:
    """Read episodes, by name and digest of their scenario, in few queries.

    The events are read as they are stored, and not linked: equal bytes are a chain that was verified when they were derived.
    """
    names = [name for name, _ in batch]
    # A name has one stream, unless somebody changed the tables: then all of them are read.
    names_of = {row.stream: row.stream_id for row in connection.execute(_STREAMS, {"of": names})}
    of = list(names_of)
    rows = _grouped(connection.execute(_ROWS, {"of": of}), lambda row: names_of[row.stream])
    of_attempts = _grouped(connection.execute(_ATTEMPTS, {"of": names}))
    of_regrades = _grouped(connection.execute(_REGRADES, {"of": names}))
    beside = _Beside(connection, {digest for _, digest in batch}, ranked)
    stored = connection.execute(_EVENTS, {"of": of}).all()  # one call for a batch instead of one for each row
    of_events: dict[str, list[tuple[Any, ...]]] = {}
    for stream, each in groupby(stored, key=itemgetter(_STREAM)):
        of_events.setdefault(names_of[stream], []).extend(map(tuple, each))
    found = {}
    for name, digest in batch:
        recorded, listed = of_events.get(name, []), rows.get(name, [])
        tried, regraded = of_attempts.get(name, []), of_regrades.get(name, [])
        read = (_values(listed), _values(tried), _values(regraded))
        fingerprint = fingerprint_of(name, recorded, *read, beside.of(name, digest, tried, bool(regraded)))
        head = (recorded[-1][_VERSION], recorded[-1][_HASH]) if recorded else None
        found[name] = StoredEpisode(len(recorded), head, listed[-1] if listed else None, fingerprint)
    return found


class ReadChain(NamedTuple):
    """The events of an episode."""

    links: tuple[Link, ...]
    unreadable: str | None
    """Why an event could not be read. None: all could."""


def read_chains(connection: Connection, names: Sequence[str]) -> dict[str, ReadChain]:
    """The events of episodes, in one query."""
    recorded = connection.execute(
        select(events).where(events.c.stream_id.in_(names)).order_by(events.c.stream_id, events.c.version)
    ).all()
    found = {name: ReadChain((), None) for name in names}
    for name, rows in groupby(recorded, key=lambda row: row.stream_id):
        listed = list(rows)
        try:
            found[name] = ReadChain(tuple(map(to_link, listed)), None)
        except UnreadableEventError as error:
            found[name] = ReadChain((), str(error))
    return found


def check_chain_and_head(
    name: str, chain: ReadChain, row: Row[Any] | None, derived: DerivedEpisode | None
) -> list[Finding]:
    """Check the chain, the head in the row, and that what was derived before is still there."""
    links = chain.links
    if chain.unreadable is not None:
        return [Finding(code="chain", version=None, message=chain.unreadable)]
    found = [
        Finding(code="chain", version=broken.version, message=f"{broken.fault} does not fit")
        for broken in verify_chain(name, links)
    ]
    if row is None or not links or (row.version, row.head_hash) != (links[-1].version, links[-1].hash):
        found.append(Finding(code="row", version=None, message="the row is not at the last event"))
    if derived is not None and not any(
        (each.version, each.hash.hex()) == (derived.version, derived.hash) for each in links
    ):
        message = f"version {derived.version} is not the one that was audited at {derived.made_at}: history was changed"
        found.append(Finding(code="record", version=None, message=message))
    return found


class _Beside:
    """What episodes share that a derivation reads."""

    def __init__(self, connection: Connection, digests: Iterable[str], ranked: RankedAuditData) -> None:
        self._ranked = ranked
        self._rubrics = _values(connection.execute(select(rubrics).order_by(rubrics.c.rubric_version)))
        found = connection.execute(select(scenarios).where(scenarios.c.digest.in_(list(digests))))
        self._scenarios = {row.digest: _scenario_values(row) for row in found}

    def of(self, name: str, digest: str, tried: Sequence[Row[Any]], is_regraded: bool) -> tuple[Any, ...]:
        rounds = {round_of_name(name), *(each.round_id for each in tried)} - {None}
        known = [(each, self._ranked.rounds.get(str(each))) for each in sorted(rounds, key=str)]
        key = self._ranked.names.get(name.split(".", 1)[0]) if known else None
        return self._scenarios.get(digest), repr(known), key, self._rubrics if is_regraded else ()


def _scenario_values(row: Row[Any]) -> tuple[Any, ...]:
    body = row.body if isinstance(row.body, bytes) else repr(row.body).encode()
    return row.generator_version, row.task_id, row.seed, row.split, hashlib.sha256(body).hexdigest()


def _grouped(
    rows: Iterable[Row[Any]], name_of: Callable[[Row[Any]], str] = attrgetter("episode_id")
) -> Mapping[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(name_of(row), []).append(row)
    return found


def _values(rows: Iterable[Row[Any]]) -> tuple[tuple[Any, ...], ...]:
    return tuple(tuple(row) for row in rows)
