"""Fills a database with many episodes: real events, linked and folded as the server does it, inserted in bulk.

A few episodes are really played, by the domain, on generated scenarios; the others repeat their decisions under ids, agents
and times of their own. Every chain verifies, and every row is the one that the server would have written.
"""

from __future__ import annotations

import hashlib
import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Iterator

from sqlalchemy import Connection, bindparam, func, select

from domain.actions import ReadArtifact, RunSanityCheck, SubmitDiagnosis
from domain.chain import EMPTY, Head, Link, NewEvent, link
from domain.diagnosis import Diagnosis
from domain.episode.decide import Command, EndEpisode, EpisodeState, ResetEpisode, decide, evolve
from domain.events import EpisodeExpired, Event, encode
from domain.generator import generate
from domain.types import ARTIFACT_NAMES, SANITY_CHECK_NAMES, SINGLE_FAULT_TASKS
from server.clock import to_milliseconds, to_timestamp
from server.progress import NO_PROGRESS, Progress
from server.scenarios.grading import grade_with_reruns
from server.scenarios.repository import CachedScenario
from server.scenarios.simulation import InProcessSimulation
from server.storage.engines import create_write_engine, parse_url
from server.storage.migrations import upgrade
from server.storage.read_models import episode_values
from server.storage.schema import episode_rows, event_rows, streams
from server.storage.sql import run_rows
from server.storage.writers.batch import write_batch
from server.storage.writers.protocol import Append, Commit

SCENARIOS = 30
AGENTS = 500
PIECE = 2000
RUNNING_SHARE = 100
"""One episode in so many runs."""
START = datetime(2026, 1, 1, tzinfo=UTC)


_TIMES = ("started_at", "updated_at")
_EPISODE = episode_rows.insert().values(
    stream=select(streams.c.stream).where(streams.c.stream_id == bindparam("episode_id")).scalar_subquery()
)


class Played:
    """The decisions of one played episode."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self.encoded = [encode(event) for event in events]
        states: list[EpisodeState] = []
        for event in events:
            states.append(evolve(states[-1] if states else None, event))
        self.states = states


async def play(number: int) -> Played:
    """Nine steps and an end: about ten events, as the benchmark of the steps has them."""
    simulation = InProcessSimulation()
    scenario = generate(SINGLE_FAULT_TASKS[number % 3], number)
    cached = CachedScenario(scenario, is_stored=True)
    reset = ResetEpisode(
        task_id=scenario.task_id,
        seed=scenario.seed,
        seed_given=True,
        scenario_digest=scenario.digest,
        generator_version=scenario.generator_version,
    )
    steps: list[Command] = [ReadArtifact(name) for name in ARTIFACT_NAMES[: 2 + number % 5]]
    steps += [RunSanityCheck(name) for name in SANITY_CHECK_NAMES[: 7 - number % 5]]
    events: list[Event] = []
    state: EpisodeState | None = None
    for command in (reset, *steps):
        decided = decide(state, command, cached.view)
        events += decided.events
        state = decided.after
    if state is None:
        raise RuntimeError("a reset decides nothing")
    truth = scenario.only_fault
    diagnosis = Diagnosis(
        failure_category=truth.failure_category if number % 2 else None,
        root_cause_file=truth.root_cause_file if number % 3 else "model_card.json",
        root_cause_field=truth.root_cause_field if number % 5 else None,
        patch=truth.patch if number % 7 else None,
        confidence=(number % 10) / 10,
    )
    last = (
        EndEpisode("idle")
        if number % 15 == 14
        else await grade_with_reruns(simulation, state, SubmitDiagnosis((diagnosis,)), cached)
    )
    return Played([*events, *decide(state, last, cached.view).events])


def linked(episode_id: str, played: Played, began: datetime, agent: str, *, length: int) -> list[Link]:
    """The events under an id and times of their own."""
    head, links = EMPTY, []
    named = encode(played.states[0].reset.model_copy(update={"agent": agent}))
    for at, encoded in enumerate((named, *played.encoded[1:length])):
        event = NewEvent(
            kind=encoded.kind,
            schema_version=encoded.schema_version,
            recorded_at=to_timestamp(began + timedelta(milliseconds=700 * at)),
            actor="server" if isinstance(played.events[at], EpisodeExpired) else agent,
            request_id=None,
            payload=encoded.payload,
        )
        links.append(link(episode_id, head, event))
        head = Head(links[-1].version, links[-1].hash)
    return links


def _rows(
    played: list[Played], count: int, *, first: int = 0, position: int = 0
) -> Iterator[tuple[list[Link], dict[str, Any]]]:
    for number in range(first, first + count):
        one = played[number % len(played)]
        agent = f"agent-{number % AGENTS:03d}"
        length = len(one.events) - (number % RUNNING_SHARE == 0)
        began = START + timedelta(seconds=7 * number)
        links = linked(hashlib.md5(str(number).encode()).hexdigest(), one, began, agent, length=length)
        position += length
        state = one.states[length - 1]
        state = state._replace(reset=state.reset.model_copy(update={"agent": agent}))
        row = episode_values(links[0], links[-1], state)
        row["ended_position"] = position if state.ended is not None else None
        yield links, row


def insert(connection: Connection, piece: list[tuple[list[Link], dict[str, Any]]]) -> int:
    """Write a piece as the server's writer does; the answer is how many events it has."""
    refused = [
        outcome
        for outcome in write_batch(
            connection, [Commit((Append(links[0].stream_id, 0, tuple(links)),)) for links, _ in piece]
        )
        if outcome is not None
    ]
    if refused:
        raise RuntimeError(f"{len(refused)} episodes were refused, the first: {refused[0]}")
    with connection.begin():
        for _, row in piece:
            connection.execute(_EPISODE, {**row, **{name: to_milliseconds(row[name]) for name in _TIMES}})
    return sum(len(links) for links, _ in piece)


async def fill(path: Path, count: int, *, progress: Progress = NO_PROGRESS) -> int:
    """Fill a database, or add to one that this has filled; the answer is how many events were written."""
    played = [await play(number) for number in range(SCENARIOS)]
    engine = create_write_engine(parse_url(f"sqlite:///{path}"))
    upgrade(engine)
    written = 0
    progress.begin("episodes written", count)
    with engine.connect() as connection:
        with connection.begin():
            for number in range(SCENARIOS):
                row = CachedScenario(generate(SINGLE_FAULT_TASKS[number % 3], number), is_stored=False).row()
                run_rows(connection, row.statement, [row.values])
            first = connection.execute(select(func.count()).select_from(streams)).scalar_one()
            position = connection.execute(select(func.coalesce(func.max(event_rows.c.position), 0))).scalar_one()
        rows = _rows(played, count, first=first, position=position)
        while piece := list(itertools.islice(rows, PIECE)):
            written += insert(connection, piece)
            progress.advance(len(piece))
    engine.dispose()
    return written
