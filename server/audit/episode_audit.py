"""Audits an episode: chain, fold, scenario, every action taken again, the grade computed again, and the read model.

An edit is found, not prevented. What was recorded by another version of the generator or the observation cannot be
derived again; the report has a note on it instead of a finding. An episode is graded by its own rubric; one that
this program does not know is a finding, because none of its rewards can be derived.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.actions import QueryArtifact, ReadArtifact, RunExperiment, RunSanityCheck, SubmitDiagnosis
from domain.chain import Link, verify_chain
from domain.episode.decide import Command, EndEpisode, EpisodeState, ResetEpisode, decide
from domain.episode.observation import OBSERVATION_VERSIONS
from domain.events import (
    ActionRefused,
    ArtifactRead,
    CheckRun,
    DiagnosisSubmitted,
    EpisodeExpired,
    EpisodeReset,
    Event,
    ExperimentRun,
    FieldQueried,
)
from domain.scenario import Composition, Truth
from domain.types import COMPOSED_TASK
from server.audit.ranked_checks import (
    RankedAuditData,
    check_attempt,
    check_closing,
    note_undecided_closing,
    read_ranked_audit_data,
)
from server.audit.regrade_audit import with_regrades
from server.audit.report import AuditReport, Finding
from server.audit.scenario_cache import AuditScenarioCache, ReadScenario, read_from
from server.episodes.errors import UnknownEpisodeError
from server.scenarios.grading import grade_with_reruns, run_experiment
from server.scenarios.repository import CachedScenario
from server.scenarios.simulation import Simulation
from server.security.secret_files import SecretFiles
from server.storage.attempts import attempt_values
from server.storage.connections import open_read_connection
from server.storage.errors import UnreadableEventError
from server.storage.read_models import episode_values
from server.storage.schema import attempts, episodes
from server.storage.stream_codec import fold_history, read_stream

_MAX_READS = 5
_EPISODE = select(episodes).where(episodes.c.episode_id == bindparam("wanted"))
_ATTEMPT = select(attempts).where(attempts.c.episode_id == bindparam("wanted"))


class _Recorded(NamedTuple):
    """All that the database has of an episode."""

    links: tuple[Link, ...]
    row: Row[Any] | None
    attempt: Row[Any] | None
    """The row of a ranked attempt. None: there is no row, as for practice."""
    unreadable: str | None
    """Why an event could not be read. None: all could."""


class _History(NamedTuple):
    before: tuple[EpisodeState | None, ...]
    """The state before each event."""
    events: tuple[Event, ...]
    after: EpisodeState | None


class AuditedLinks(NamedTuple):
    """The report on an episode, with what was derived on the way."""

    report: AuditReport
    state: EpisodeState | None
    """None: the events cannot be folded."""
    truth: Truth | Composition | None
    """None: the scenario cannot be read."""


async def audit_episode(
    database_url: str, files: SecretFiles | None, simulation: Simulation, episode_id: str
) -> AuditReport:
    """Audit everything recorded of one episode; raises ``UnknownEpisodeError``.

    Args:
        database_url: an SQLAlchemy URL.
        files: with the secrets of open rounds; None: only the seeds and faults of closed rounds are derived again.
        simulation: generates scenarios and runs patches again.
        episode_id: the episode.
    """
    async with open_read_connection(database_url) as connection:
        ranked = await connection.run_sync(read_ranked_audit_data, files)
        report = await audit_recorded(
            connection, simulation, episode_id, scenario_cache=AuditScenarioCache(simulation), ranked=ranked
        )
        return await with_regrades(connection, report)


async def audit_recorded(
    connection: AsyncConnection,
    simulation: Simulation,
    episode_id: str,
    *,
    scenario_cache: AuditScenarioCache,
    ranked: RankedAuditData,
) -> AuditReport:
    """The same over an open connection, with scenarios that other episodes may share."""
    recorded = await connection.run_sync(_read_consistently, episode_id)
    if not recorded.links and recorded.row is None and recorded.unreadable is None:
        raise UnknownEpisodeError(episode_id)
    auditor = _Auditor(simulation, episode_id, read_from(connection), scenario_cache=scenario_cache, ranked=ranked)
    await auditor.run(recorded)
    return auditor.report(recorded.links)


async def audit_links(
    links: tuple[Link, ...],
    simulation: Simulation,
    episode_id: str,
    *,
    read_scenario: ReadScenario,
    scenario_cache: AuditScenarioCache,
    ranked: RankedAuditData,
) -> AuditedLinks:
    """Audit an episode of which there are only events, and no rows that would have to follow from them."""
    auditor = _Auditor(
        simulation, episode_id, read_scenario, scenario_cache=scenario_cache, ranked=ranked, has_rows=False
    )
    await auditor.run(_Recorded(links, None, None, None))
    return AuditedLinks(auditor.report(links), auditor.state, auditor.truth)


def _read_consistently(connection: Connection, episode_id: str) -> _Recorded:
    """Read rows and events of one moment: read again if an event was appended in between."""
    recorded = _read_once(connection, episode_id)
    for _ in range(_MAX_READS):
        if recorded.row is None or not recorded.links or recorded.row.version == recorded.links[-1].version:
            break
        recorded = _read_once(connection, episode_id)
    return recorded


def _read_once(connection: Connection, episode_id: str) -> _Recorded:
    # The rows first: if an event is appended meanwhile, the row's version is lower, and everything is read again.
    row = connection.execute(_EPISODE, {"wanted": episode_id}).one_or_none()
    attempt = connection.execute(_ATTEMPT, {"wanted": episode_id}).one_or_none()
    try:
        return _Recorded(read_stream(connection, episode_id), row, attempt, None)
    except UnreadableEventError as error:
        return _Recorded((), row, attempt, str(error))


class _Auditor:
    def __init__(
        self,
        simulation: Simulation,
        episode_id: str,
        read_scenario: ReadScenario,
        *,
        scenario_cache: AuditScenarioCache,
        ranked: RankedAuditData,
        has_rows: bool = True,
    ) -> None:
        self._read_scenario = read_scenario
        self._has_rows = has_rows
        self._scenario_cache = scenario_cache
        self._ranked = ranked
        self._simulation = simulation
        self._episode_id = episode_id
        self.findings: list[Finding] = []
        self.notes: list[str] = []
        self.state: EpisodeState | None = None
        self.truth: Truth | Composition | None = None

    def report(self, links: tuple[Link, ...]) -> AuditReport:
        return AuditReport(
            episode_id=self._episode_id,
            events=len(links),
            findings=tuple(self.findings),
            notes=tuple(self.notes),
        )

    async def run(self, recorded: _Recorded) -> None:
        if recorded.unreadable is not None:
            self._add_finding("chain", None, recorded.unreadable)
            return
        for broken in verify_chain(self._episode_id, recorded.links):
            self._add_finding("chain", broken.version, f"{broken.fault} does not fit")
        history = self._fold(recorded.links)
        if self._has_rows:
            self._check_row(recorded, history)
        if history is None or history.after is None:
            return
        self.state = history.after
        cached = await self._find_scenario(history.after.reset)
        if cached is not None:
            self.truth = cached.scenario.truth
            self._check_round(history, recorded, cached)
            await self._execute(history, cached)

    def _fold(self, links: tuple[Link, ...]) -> _History | None:
        before: list[EpisodeState | None] = []
        folded: list[Event] = []
        state: EpisodeState | None = None
        try:
            for _, event, after in fold_history(links):
                before.append(state)
                folded.append(event)
                state = after
        except ValueError as error:  # raised by validation, by an unknown kind and by an invalid history
            self._add_finding("fold", links[len(folded)].version, str(error).splitlines()[0])
            return None
        return _History(tuple(before), tuple(folded), state)

    def _check_row(self, recorded: _Recorded, history: _History | None) -> None:
        row, links = recorded.row, recorded.links
        if row is None:
            self._add_finding("row", None, "the episode has events but no row in episodes")
        elif not links:
            self._add_finding("row", None, f"the row is at version {row.version}, but there are no events")
        elif (row.version, row.head_hash) != (links[-1].version, links[-1].hash):
            self._add_finding(
                "row", None, f"the row is at version {row.version}, the events end at {links[-1].version}"
            )
        elif history is not None and history.after is not None:
            for name, value in episode_values(links[0], links[-1], history.after).items():
                if getattr(row, name) != value:
                    self._add_finding("row", None, f"{name} is {getattr(row, name)!r}, by the events it is {value!r}")

    async def _find_scenario(self, reset: EpisodeReset) -> CachedScenario | None:
        audited = await self._scenario_cache.get(self._read_scenario, reset)
        self.findings += audited.findings
        self.notes += audited.notes
        return audited.cached

    def _check_round(self, history: _History, recorded: _Recorded, cached: CachedScenario) -> None:
        """Check that an attempt and its row follow from its round."""
        state, links = history.after, recorded.links
        if state is None or state.reset.round is None:
            if recorded.attempt is not None:
                self._add_finding("row", None, "practice has no row in attempts")
            return
        truth = cached.scenario.truth
        for fault in check_attempt(self._episode_id, state.reset, truth.fault_id, self._ranked):
            self._add_finding("round", 1, fault)
        for fault in check_closing(links, state.reset, state.ended, self._ranked):
            self._add_finding("round", None, fault)
        note = note_undecided_closing(links, state.reset, self._ranked)
        self.notes += [note] if note is not None else []
        round_data = self._ranked.rounds.get(state.reset.round)
        if round_data is not None and round_data.secret is None:
            self.notes.append(
                f"seed and fault not derived: round {state.reset.round} is open in this database, and its secret is not known here"
            )
        if not self._has_rows:
            return
        if recorded.attempt is None:
            self._add_finding("row", None, "the attempt has events but no row in attempts")
            return
        for name, value in attempt_values(links[0], links[-1], state, truth).items():
            if getattr(recorded.attempt, name) != value:
                self._add_finding(
                    "row", None, f"attempts: {name} is {getattr(recorded.attempt, name)!r}, by the events {value!r}"
                )

    async def _execute(self, history: _History, cached: CachedScenario) -> None:
        if not self._can_execute(history.events[0]):
            return
        at = 0
        while at < len(history.events):
            state, happened = history.before[at], history.events[at]
            decided = decide(state, await self._command(state, happened, cached, at + 1), cached.view).events
            if decided != history.events[at : at + len(decided)]:
                self._add_finding("execute", at + 1, "taking the action again gives other events than were recorded")
            at += len(decided)

    def _can_execute(self, reset: Event) -> bool:
        if not isinstance(reset, EpisodeReset):
            return False
        if reset.observation_version not in OBSERVATION_VERSIONS:
            known = ", ".join(sorted(OBSERVATION_VERSIONS))
            self.notes.append(
                f"not executed again: recorded with observations {reset.observation_version}, this program knows {known}"
            )
            return False
        return True

    async def _command(
        self, state: EpisodeState | None, happened: Event, cached: CachedScenario, version: int
    ) -> Command:
        """The command that led to the event; a diagnosis is graded again, and an experiment run again."""
        if state is not None and isinstance(happened, ExperimentRun | ActionRefused) and happened.patch is not None:
            return await run_experiment(self._simulation, state, RunExperiment(happened.patch), cached)
        if not isinstance(happened, DiagnosisSubmitted) or state is None:
            return command_of(happened)
        graded = await grade_with_reruns(
            self._simulation,
            state,
            SubmitDiagnosis(happened.diagnoses, happened.reported, is_list=state.reset.task_id == COMPOSED_TASK),
            cached,
        )
        if graded.grade != happened.grade:
            self._add_finding(
                "grade", version, f"grading again gives {graded.grade.score}, recorded is {happened.grade.score}"
            )
        return graded

    def _add_finding(self, code: str, version: int | None, message: str) -> None:
        self.findings.append(Finding(code=code, version=version, message=message))


def command_of(happened: Event) -> Command:
    """The command that led to an event. A diagnosis needs a grade first, an experiment an outcome: both are refused here."""
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
                observation_version=happened.observation_version,
                reward_mode=happened.reward_mode,
                agent=happened.agent,
                session=happened.session,
                round=happened.round,
                entry=happened.entry,
                attempt=happened.attempt,
                key=happened.key,
                control=happened.control,
                invalid_actions=happened.invalid_actions,
            )
        case ArtifactRead():
            return ReadArtifact(happened.artifact, happened.log_filter)
        case FieldQueried():
            return QueryArtifact(happened.artifact, happened.field)
        case ActionRefused() if not isinstance(refused := happened.action, RunExperiment):
            return refused
        case CheckRun():
            return RunSanityCheck(happened.check)
        case EpisodeExpired():
            return EndEpisode(happened.reason)
        case ExperimentRun() | ActionRefused():
            raise ValueError("an experiment has to be run before it is recorded again")
        case DiagnosisSubmitted():
            raise ValueError("a diagnosis has to be graded before it is submitted again")
