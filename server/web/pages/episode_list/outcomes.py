"""Reads what was planted and what was answered in the listed episodes whose truth may be shown.

The row of an episode has neither: the fault is in its scenario, the answer in its last event.
"""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections import OrderedDict
from typing import Any, Mapping, NamedTuple, Sequence

from pydantic_core import from_json

from domain.diagnosis import Diagnosis
from domain.events import DiagnosisSubmitted, EncodedEvent, decode
from server.services import Services
from server.web.pages.episode_list.query import read_ends, read_scenario_bodies

MAX_CACHED = 20_000


class FaultNames:
    """The ids of the faults of scenarios, by digest. A scenario never changes, so what was read once is kept."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._cached: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    async def of(self, digests: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """By digest; a scenario that is missing or damaged is left out."""
        missing = [digest for digest in dict.fromkeys(digests) if digest not in self._cached]
        rows = await read_scenario_bodies(self._services.reader, missing)
        # Of hard tasks, a body has 200 KB.
        read = await asyncio.to_thread(_faults_of, [(row.digest, row.body) for row in rows])
        found = {digest: self._cached[digest] for digest in digests if digest in self._cached} | read
        self._cached.update(read)
        while len(self._cached) > MAX_CACHED:
            self._cached.popitem(last=False)
        return found


class Outcome(NamedTuple):
    """What was planted in an episode, and what was answered."""

    faults: tuple[str, ...] | None
    """Empty: nothing was planted. None: the scenario cannot be read."""
    answers: tuple[Diagnosis, ...] | None
    """Empty: that nothing is wrong. None: nothing was submitted, or it cannot be read."""


async def read_outcomes(
    services: Services, names: FaultNames, ended: Mapping[str, tuple[int, str]]
) -> dict[str, Outcome]:
    """The outcomes of ended episodes.

    Args:
        ended: position of the last event and digest of the scenario of each episode, by its id.
    """
    ends = await read_ends(services.reader, [position for position, _ in ended.values()])
    answers = {row.stream_id: _answers(row) for row in ends}
    faults = await names.of([digest for _, digest in ended.values()])
    return {name: Outcome(faults.get(digest), answers.get(name)) for name, (_, digest) in ended.items()}


def _answers(row: Any) -> tuple[Diagnosis, ...] | None:
    try:
        event = decode(EncodedEvent(row.kind, row.schema_version, row.payload.encode()))
    except (ValueError, AttributeError):  # invalid or of an unknown kind; a payload that is not text
        return None
    return event.diagnoses if isinstance(event, DiagnosisSubmitted) else None


def _faults_of(bodies: Sequence[tuple[str, bytes]]) -> dict[str, tuple[str, ...]]:
    found = {}
    for digest, packed in bodies:
        try:
            body = zlib.decompress(packed)
            planted = _planted(from_json(body)["truth"]) if hashlib.sha256(body).hexdigest() == digest else None
        except (zlib.error, ValueError, KeyError, TypeError):
            continue
        if planted is not None:
            found[digest] = planted
    return found


def _planted(truth: Any) -> tuple[str, ...]:
    return tuple(str(one["fault_id"]) for one in truth.get("faults", (truth,)))
