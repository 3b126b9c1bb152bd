"""The episodes of a bundle as they lie in the file: in batches of those on one scenario, parsed where they are verified.

Format 2 has them in ``episodes.jsonl``: a line with a scenario, then a line for each episode on it, with its events and its
receipt. Episodes that run come first, without a scenario. Format 1 has events, scenarios and receipts apart; `format_1` brings them
together.
"""

from __future__ import annotations

from typing import Annotated, Any, Generator, Iterable, Iterator, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from domain.chain import GENESIS_HASH, Link, digest_of
from server.audit.bundle.reader import BundleError, OpenBundle, parse_bounded

MAX_BATCH_EPISODES = 200
MAX_BATCH_BYTES = 4 << 20
"""Of the lines of one batch, if it has more than one episode."""
SCENARIO_PREFIX = b'{"scenario": '
EPISODE_PREFIX = b'{"episode": '

_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Name = Annotated[str, Field(max_length=256)]
_Number = Annotated[int, Field(ge=0, le=2**53)]


class _Event(BaseModel):
    """An event of format 2. The hash of the event before it is not repeated; the digest stands for a withheld payload."""

    model_config = ConfigDict(extra="forbid", strict=True)

    version: _Number
    position: _Number | None
    kind: str
    schema_version: _Number
    recorded_at: str
    actor: str
    request_id: str | None
    payload: str | None
    payload_digest: _Digest | None = None
    hash: _Digest


class _EventOfFormat1(_Event):
    stream_id: _Name
    payload_digest: _Digest
    prev_hash: _Digest


class _Episode(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    episode: _Name
    events: list[_Event]
    receipt: dict[str, Any] | None


class RawEpisode(NamedTuple):
    """An episode as the file has it."""

    lines: tuple[bytes, ...]
    """Format 2: one; format 1: one for each event."""
    name: str | None = None
    """Format 1 only."""
    receipts: tuple[bytes, ...] = ()
    """Format 1 only."""

    @property
    def size(self) -> int:
        return sum(map(len, self.lines)) + sum(map(len, self.receipts))


class RawBatch(NamedTuple):
    """Episodes on one scenario."""

    scenario: bytes | None
    """None: the file has none for them, as of those that run."""
    episodes: tuple[RawEpisode, ...]


class GivenEpisode(NamedTuple):
    """A parsed episode."""

    name: str
    links: tuple[Link, ...]
    receipts: tuple[Any, ...]


class GivenScenario(NamedTuple):
    """A parsed scenario, whose body may be any text."""

    digest: str
    split: str
    body: bytes


def read_batches(bundle: OpenBundle) -> Generator[RawBatch, None, None]:
    """The batches of a bundle of format 2."""
    return in_batches(_grouped(bundle.lines("episodes.jsonl")))


def _grouped(lines: Iterable[bytes]) -> Iterator[tuple[bytes | None, RawEpisode]]:
    scenario: bytes | None = None
    for line in lines:
        if line.startswith(EPISODE_PREFIX):
            yield scenario, RawEpisode((line,))
        elif line.startswith(SCENARIO_PREFIX):
            scenario = line
        else:
            raise BundleError("episodes.jsonl has a line that is neither a scenario nor an episode")


def in_batches(episodes: Iterable[tuple[bytes | None, RawEpisode]]) -> Generator[RawBatch, None, None]:
    """Join episodes on one scenario that follow each other; large groups are split."""
    waiting: list[RawEpisode] = []
    of: bytes | None = None
    size = 0
    for scenario, episode in episodes:
        is_full = len(waiting) >= MAX_BATCH_EPISODES or size + episode.size > MAX_BATCH_BYTES
        if waiting and (scenario is not of or is_full):
            yield RawBatch(of, tuple(waiting))
            waiting, size = [], 0
        of = scenario
        waiting.append(episode)
        size += episode.size
    if waiting:
        yield RawBatch(of, tuple(waiting))


def parse_scenario(line: bytes) -> GivenScenario:
    """A scenario of either format; raises ``ValueError`` or ``LookupError``."""
    given = parse_bounded(line)
    given = given.get("scenario", given) if isinstance(given, dict) else given
    if not isinstance(given, dict):
        raise BundleError("a scenario is no object")
    split = given.get("split")
    body: Any = given["body"]
    return GivenScenario(str(given["digest"]), "train" if split is None else str(split), str(body).encode())


def parse_episode(raw: RawEpisode) -> GivenEpisode:
    """An episode of either format; raises ``ValueError``."""
    if raw.name is not None:
        links = [_to_link_1(_EventOfFormat1.model_validate(parse_bounded(line))) for line in raw.lines]
        return GivenEpisode(raw.name, tuple(links), tuple(parse_bounded(line) for line in raw.receipts))
    (line,) = raw.lines
    given = _Episode.model_validate(parse_bounded(line))
    previous, listed = GENESIS_HASH, []
    for event in given.events:
        listed.append(_to_link(given.episode, event, previous))
        previous = listed[-1].hash
    return GivenEpisode(given.episode, tuple(listed), () if given.receipt is None else (given.receipt,))


def parse_event_1(line: bytes) -> tuple[str, int, str, str | None]:
    """Name, version, kind and payload of an event of format 1; raises ``ValueError``."""
    event = _EventOfFormat1.model_validate(parse_bounded(line))
    return event.stream_id, event.version, event.kind, event.payload


def _to_link_1(event: _EventOfFormat1) -> Link:
    return _to_link(event.stream_id, event, bytes.fromhex(event.prev_hash))


def _to_link(name: str, event: _Event, previous: bytes) -> Link:
    payload = None if event.payload is None else event.payload.encode()
    if payload is None and event.payload_digest is None:
        raise BundleError("an event has neither a payload nor its digest")
    return Link(
        stream_id=name,
        version=event.version,
        position=event.position,
        kind=event.kind,
        schema_version=event.schema_version,
        recorded_at=event.recorded_at,
        actor=event.actor,
        request_id=event.request_id,
        payload=payload,
        payload_digest=bytes.fromhex(event.payload_digest or "") if payload is None else digest_of(payload),
        prev_hash=previous,
        hash=bytes.fromhex(event.hash),
    )
