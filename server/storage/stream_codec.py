"""Converts between stored rows, links, events and states: decodes and folds a stream, links as JSON."""

from __future__ import annotations

from typing import Any, Iterable, Iterator, NamedTuple

from sqlalchemy import Connection, Row, Select, bindparam, select

from domain.chain import EMPTY, Head, Link, digest_of
from domain.episode.decide import EpisodeState, evolve
from domain.events import EncodedEvent, Event, decode
from server.storage.errors import UnreadableEventError
from server.storage.schema import events

SERVER_ACTOR = "server"
"""Actor of the events by which the server ends an episode."""


class EpisodeSnapshot(NamedTuple):
    """The state of an episode and the head of its stream."""

    state: EpisodeState
    head: Head
    request_ids: frozenset[str]
    """Every request id that an event of the stream carries."""


def decode_link(recorded: Link) -> Event:
    """The event of a stored link."""
    return decode(EncodedEvent(recorded.kind, recorded.schema_version, recorded.payload or b""))


def fold_history(links: Iterable[Link]) -> Iterator[tuple[Link, Event, EpisodeState]]:
    """Decode and fold a stream; yields each link with its event and the state after it.

    Raises ``ValueError`` at the first event that does not decode or cannot follow.
    """
    state: EpisodeState | None = None
    for each in links:
        event = decode_link(each)
        state = evolve(state, event)
        yield each, event, state


def fold_links(links: Iterable[Link]) -> EpisodeSnapshot:
    """Fold a stream that is not empty."""
    state: EpisodeState | None = None
    head = EMPTY
    request_ids: set[str] = set()
    for each, _, after in fold_history(links):
        state = after
        head = Head(each.version, each.hash)
        if each.request_id is not None:
            request_ids.add(each.request_id)
    if state is None:
        raise ValueError("an empty stream has no state")
    return EpisodeSnapshot(state, head, frozenset(request_ids))


STREAM_QUERY: Select[Any] = select(events).where(events.c.stream_id == bindparam("stream")).order_by(events.c.version)


def read_stream(connection: Connection, stream_id: str) -> tuple[Link, ...]:
    """The links of a stream in order; empty if there is none."""
    return tuple(to_link(row) for row in connection.execute(STREAM_QUERY, {"stream": stream_id}))


def _is_text(value: object) -> bool:
    return value.__class__ is str


def to_link(row: Row[Any]) -> Link:
    """The link of a stored row; raises ``UnreadableEventError`` if a column has another type than was written."""
    texts = (row.kind, row.recorded_at, row.actor, row.payload, row.request_id or "")
    if not (all(map(_is_text, texts)) and isinstance(row.hash, bytes) and isinstance(row.prev_hash, bytes)):
        raise UnreadableEventError(f"{row.stream_id}: version {row.version} holds a value of another type")
    payload = row.payload.encode()
    return Link(
        stream_id=row.stream_id,
        version=row.version,
        position=row.position,
        kind=row.kind,
        schema_version=row.schema_version,
        recorded_at=row.recorded_at,
        actor=row.actor,
        request_id=row.request_id,
        payload=payload,
        payload_digest=digest_of(payload),
        prev_hash=row.prev_hash,
        hash=row.hash,
    )


def link_json(each: Link) -> dict[str, Any]:
    """A link as JSON, without its payload: the API and a bundle embed that in different forms."""
    return {
        "stream_id": each.stream_id,
        "version": each.version,
        "position": each.position,
        "kind": each.kind,
        "schema_version": each.schema_version,
        "recorded_at": each.recorded_at,
        "actor": each.actor,
        "request_id": each.request_id,
        "payload_digest": each.payload_digest.hex(),
        "prev_hash": each.prev_hash.hex(),
        "hash": each.hash.hex(),
    }
