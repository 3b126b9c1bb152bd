"""Audits an episode: chain, fold, scenario, every action taken again, the grade computed again, and the read model.

An edit is found, not prevented. What was recorded by another version of the generator or the observation cannot be
derived again; the report says so in a note instead of calling it a finding. An episode is judged by its own rubric; one that
this program does not know is a finding, because nothing it earned can be derived.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.actions import QueryArtifact, ReadArtifact, RunSanityCheck, SubmitDiagnosis
from domain.chain import Link, verify_chain
from domain.episode.decide import Command, EndEpisode, EpisodeState, ResetEpisode, decide, evolve
from domain.episode.observation import OBSERVATION_VERSION
from domain.events import (
    ActionRefused,
    ArtifactRead,
    CheckRun,
    DiagnosisSubmitted,
    EpisodeExpired,
    EpisodeReset,
    Event,
    FieldQueried,
)
from domain.types import COMPOSED_TASK
from server.audit.ranked_checks import Facts, check_attempt, faults_of_closing, note_on_closing, read_facts
from server.audit.regrade_audit import with_regrades
from server.audit.replay import UnknownStreamError
from server.audit.report import AuditReport, Finding
from server.audit.scenario_cache import AuditScenarioCache
from server.scenarios.grading import grade_with_reruns
from server.scenarios.repository import CachedScenario
from server.scenarios.simulation import Simulation
from server.security.secret_files import SecretFiles
from server.storage.attempts import attempt_values
from server.storage.connections import open_read_connection
from server.storage.errors import UnreadableEventError
from server.storage.read_models import episode_values
from server.storage.schema import attempts, episodes
from server.storage.stream_codec import decode_link, read_stream

_LOOKS = 5
_EPISODE = select(episodes).where(episodes.c.episode_id == bindparam("wanted"))
_ATTEMPT = select(attempts).where(attempts.c.episode_id == bindparam("wanted"))


class _Recorded(NamedTuple):
    """What the database holds of an episode."""

    links: tuple[Link, ...]
    row: Row[Any] | None
    attempt: Row[Any] | None
    """The row of a ranked attempt; null: practice, as far as this table says."""
    unreadable: str | None
    """Null: all events could be read."""


class _Folding(NamedTuple):
    before: tuple[EpisodeState | None, ...]
    """The state before each event."""
    events: tuple[Event, ...]
    after: EpisodeState | None


async def audit_episode(
    database_url: str, files: SecretFiles | None, world: Simulation, episode_id: str
) -> AuditReport:
    """Audit everything recorded of one episode; raises ``UnknownStreamError``.

    Args:
        database_url: an SQLAlchemy URL.
        files: with the secrets of open rounds; None: only the seeds and faults of closed rounds are derived again.
        world: generates scenarios and runs patches again.
        episode_id: the episode.
    """
    async with open_read_connection(database_url) as connection:
        facts = await connection.run_sync(read_facts, files)
        report = await audit_recorded(connection, world, episode_id, shelf=AuditScenarioCache(world), facts=facts)
        return await with_regrades(connection, report)


async def audit_recorded(
    connection: AsyncConnection, world: Simulation, episode_id: str, *, shelf: AuditScenarioCache, facts: Facts
) -> AuditReport:
    """The same, over a connection at hand, with scenarios that other episodes may share."""
    recorded = await connection.run_sync(_read, episode_id)
    if not recorded.links and recorded.row is None and recorded.unreadable is None:
        raise UnknownStreamError(episode_id)
    auditor = _Auditor(connection, world, episode_id, shelf=shelf, facts=facts)
    await auditor.run(recorded)
    return AuditReport(
        episode_id=episode_id,
        events=len(recorded.links),
        findings=tuple(auditor.findings),
        notes=tuple(auditor.notes),
    )


def _read(connection: Connection, episode_id: str) -> _Recorded:
    """What is recorded, at one moment: an episode may go on between two looks at it."""
    recorded = _look(connection, episode_id)
    for _ in range(_LOOKS):
        if recorded.row is None or not recorded.links or recorded.row.version == recorded.links[-1].version:
            break
        recorded = _look(connection, episode_id)
    return recorded


def _look(connection: Connection, episode_id: str) -> _Recorded:
    # The rows first: what is written meanwhile makes them older than the events, and is noticed.
    row = connection.execute(_EPISODE, {"wanted": episode_id}).one_or_none()
    attempt = connection.execute(_ATTEMPT, {"wanted": episode_id}).one_or_none()
    try:
        return _Recorded(read_stream(connection, episode_id), row, attempt, None)
    except UnreadableEventError as error:
        return _Recorded((), row, attempt, str(error))


class _Auditor:
    def __init__(
        self,
        connection: AsyncConnection,
        world: Simulation,
        episode_id: str,
        *,
        shelf: AuditScenarioCache,
        facts: Facts,
    ) -> None:
        self._connection = connection
        self._shelf = shelf
        self._facts = facts
        self._world = world
        self._episode_id = episode_id
        self.findings: list[Finding] = []
        self.notes: list[str] = []

    async def run(self, recorded: _Recorded) -> None:
        if recorded.unreadable is not None:
            self._find("chain", None, recorded.unreadable)
            return
        for broken in verify_chain(self._episode_id, recorded.links):
            self._find("chain", broken.version, f"{broken.fault} does not fit")
        folding = self._fold(recorded.links)
        self._compare_row(recorded, folding)
        if folding is None or folding.after is None:
            return
        held = await self._scenario(folding.after.reset)
        if held is not None:
            self._compare_round(folding, recorded, held)
            await self._execute(folding, held)

    def _fold(self, links: tuple[Link, ...]) -> _Folding | None:
        before: list[EpisodeState | None] = []
        folded: list[Event] = []
        state: EpisodeState | None = None
        for each in links:
            before.append(state)
            try:
                folded.append(decode_link(each))
                state = evolve(state, folded[-1])
            except ValueError as error:  # what validation, an unknown kind and an invalid history have in common
                self._find("fold", each.version, str(error).splitlines()[0])
                return None
        return _Folding(tuple(before), tuple(folded), state)

    def _compare_row(self, recorded: _Recorded, folding: _Folding | None) -> None:
        row, links = recorded.row, recorded.links
        if row is None:
            self._find("row", None, "the episode has events but no row in episodes")
        elif not links:
            self._find("row", None, f"the row is at version {row.version}, but there are no events")
        elif (row.version, row.head_hash) != (links[-1].version, links[-1].hash):
            self._find("row", None, f"the row is at version {row.version}, the events end at {links[-1].version}")
        elif folding is not None and folding.after is not None:
            for name, value in episode_values(links[0], links[-1], folding.after).items():
                if getattr(row, name) != value:
                    self._find("row", None, f"{name} is {getattr(row, name)!r}, by the events it is {value!r}")

    async def _scenario(self, reset: EpisodeReset) -> CachedScenario | None:
        audited = await self._shelf.take(self._connection, reset)
        self.findings += audited.findings
        self.notes += audited.notes
        return audited.held

    def _compare_round(self, folding: _Folding, recorded: _Recorded, held: CachedScenario) -> None:
        """An attempt follows from its round, and so does its row."""
        state, links = folding.after, recorded.links
        if state is None or state.reset.round is None:
            if recorded.attempt is not None:
                self._find("row", None, "practice has no row in attempts")
            return
        truth = held.scenario.truth
        for fault in check_attempt(self._episode_id, state.reset, truth.fault_id, self._facts):
            self._find("round", 1, fault)
        for fault in faults_of_closing(links, state.reset, state.ended, self._facts):
            self._find("round", None, fault)
        note = note_on_closing(links, state.reset, self._facts)
        self.notes += [note] if note is not None else []
        known = self._facts.rounds.get(state.reset.round)
        if known is not None and known.secret is None:
            self.notes.append(f"seed and fault not derived: the secret of round {state.reset.round} is not known here")
        if recorded.attempt is None:
            self._find("row", None, "the attempt has events but no row in attempts")
            return
        for name, value in attempt_values(links[0], links[-1], state, truth).items():
            if getattr(recorded.attempt, name) != value:
                self._find(
                    "row", None, f"attempts: {name} is {getattr(recorded.attempt, name)!r}, by the events {value!r}"
                )

    async def _execute(self, folding: _Folding, held: CachedScenario) -> None:
        if not self._can_execute(folding.events[0]):
            return
        at = 0
        while at < len(folding.events):
            state, happened = folding.before[at], folding.events[at]
            decided = decide(state, await self._command(state, happened, held, at + 1), held.view).events
            if decided != folding.events[at : at + len(decided)]:
                self._find("execute", at + 1, "taking the action again gives other events than were recorded")
            at += len(decided)

    def _can_execute(self, reset: Event) -> bool:
        if not isinstance(reset, EpisodeReset):
            return False
        if reset.observation_version != OBSERVATION_VERSION:
            self.notes.append(
                f"not executed again: recorded with observations {reset.observation_version}, "
                f"these are {OBSERVATION_VERSION}"
            )
            return False
        return True

    async def _command(
        self, state: EpisodeState | None, happened: Event, held: CachedScenario, version: int
    ) -> Command:
        """What the agent must have asked for; a diagnosis is judged again."""
        if not isinstance(happened, DiagnosisSubmitted) or state is None:
            return command_of(happened)
        graded = await grade_with_reruns(
            self._world,
            state,
            SubmitDiagnosis(happened.diagnoses, happened.reported, is_list=state.reset.task_id == COMPOSED_TASK),
            held,
        )
        if graded.grade != happened.grade:
            self._find(
                "grade", version, f"grading again gives {graded.grade.score}, recorded is {happened.grade.score}"
            )
        return graded

    def _find(self, code: str, version: int | None, message: str) -> None:
        self.findings.append(Finding(code=code, version=version, message=message))


def command_of(happened: Event) -> Command:
    """The command that led to an event; a diagnosis needs its grade computed and is no part of this."""
    match happened:
        case EpisodeReset():
            return ResetEpisode(
                task_id=happened.task_id,
                seed=happened.seed,
                seed_given=happened.seed_given,
                split=happened.split,
                scenario_digest=happened.scenario_digest,
                generator_version=happened.generator_version,
                rubric_version=happened.rubric_version,
                reward_mode=happened.reward_mode,
                agent=happened.agent,
                session=happened.session,
                round=happened.round,
                entry=happened.entry,
                attempt=happened.attempt,
                key=happened.key,
            )
        case ArtifactRead():
            return ReadArtifact(happened.artifact, happened.log_filter)
        case FieldQueried() | ActionRefused():
            return QueryArtifact(happened.artifact, happened.field)
        case CheckRun():
            return RunSanityCheck(happened.check)
        case EpisodeExpired():
            return EndEpisode(happened.reason)
        case DiagnosisSubmitted():
            raise ValueError("a diagnosis is judged again before it is submitted again")
