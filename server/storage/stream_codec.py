"""Between the log and the fold: stored links to events and a folded episode, decided events to links."""

from __future__ import annotations

from typing import Any, Iterable, NamedTuple, Sequence

from sqlalchemy import Connection, Row, Select, bindparam, select

from domain.chain import EMPTY, Head, Link, NewEvent, digest_of, link
from domain.episode.decide import EpisodeState, evolve
from domain.events import EncodedEvent, EpisodeExpired, Event, decode, encode
from server.storage.errors import (
    UnreadableEventError,
)
from server.storage.schema import events

SERVER_ACTOR = "server"
"""Who closes an episode."""


class EpisodeSnapshot(NamedTuple):
    """A folded stream."""

    state: EpisodeState
    head: Head
    request_ids: frozenset[str]
    """Every request id that an event of the stream carries."""


def decode_link(recorded: Link) -> Event:
    """The event of a stored link."""
    return decode(EncodedEvent(recorded.kind, recorded.schema_version, recorded.payload or b""))


def fold_links(links: Iterable[Link]) -> EpisodeSnapshot:
    """Fold a stream that is not empty."""
    state: EpisodeState | None = None
    head = EMPTY
    request_ids: set[str] = set()
    for each in links:
        state = evolve(state, decode_link(each))
        head = Head(each.version, each.hash)
        if each.request_id is not None:
            request_ids.add(each.request_id)
    if state is None:
        raise ValueError("an empty stream has no state")
    return EpisodeSnapshot(state, head, frozenset(request_ids))


def link_events(
    stream_id: str, head: Head, decided: Sequence[Event], *, recorded_at: str, actor: str, request_id: str | None
) -> tuple[Link, ...]:
    """The events as the next links of a stream. The request id goes to the first: it names the step."""
    linked: list[Link] = []
    for event in decided:
        encoded = encode(event)
        new = NewEvent(
            kind=encoded.kind,
            schema_version=encoded.schema_version,
            recorded_at=recorded_at,
            actor=SERVER_ACTOR if isinstance(event, EpisodeExpired) else actor,
            request_id=None if linked else request_id,
            payload=encoded.payload,
        )
        linked.append(link(stream_id, head, new))
        head = Head(linked[-1].version, linked[-1].hash)
    return tuple(linked)


_STREAM: Select[Any] = select(events).where(events.c.stream_id == bindparam("stream")).order_by(events.c.version)


def read_stream(connection: Connection, stream_id: str) -> tuple[Link, ...]:
    """The same, over a connection at hand."""
    return tuple(to_link(row) for row in connection.execute(_STREAM, {"stream": stream_id}))


def to_link(row: Row[Any]) -> Link:
    """A stored row as a link; raises ``UnreadableEventError`` where a column has lost its type."""
    if not (isinstance(row.payload, str) and isinstance(row.hash, bytes) and isinstance(row.prev_hash, bytes)):
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
