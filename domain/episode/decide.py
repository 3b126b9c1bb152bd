"""Decides on a command: (state, command, evidence) to events. Every event of an episode is made here.

Rule 1: a command that the episode cannot take is an error, never an event. Rule 2: an action that the scenario cannot
satisfy is a fact (`refuse`) and a step. Rule 3: the step that reaches the limit without a diagnosis also ends the
episode. Rule 4: an event that the agent gets an observation for records that observation's digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from domain.actions import InvalidAction, QueryArtifact, ReadArtifact, RunSanityCheck, SubmitDiagnosis
from domain.diagnosis import Diagnosis, PatchEntry, Reported
from domain.episode.observation import OBSERVATION_VERSION, EvidenceView, observation_digest, observe_and_hash
from domain.episode.state import EpisodeState, InvalidHistoryError, evolve, fold, reward_of
from domain.events import (
    ActionRefused,
    ArtifactRead,
    CheckRun,
    DiagnosisSubmitted,
    EpisodeExpired,
    EpisodeReset,
    Event,
    ExperimentRun,
    ExpireReason,
    FieldQueried,
    RefuseReason,
)
from domain.experiment import ExperimentOutcome, ExperimentRejection, ExperimentResult
from domain.grade import Grade
from domain.rubric import RUBRIC, rubric_of
from domain.types import COMPOSED_TASK, ArtifactName, Control, InvalidActions, RewardMode, SplitName, TaskId

__all__ = [
    "Command",
    "Decision",
    "EndEpisode",
    "EpisodeEndedError",
    "EpisodeExistsError",
    "EpisodeNotBegunError",
    "EpisodeState",
    "ExperimentDone",
    "InvalidHistoryError",
    "ResetEpisode",
    "SubmitGraded",
    "WrongSubmissionError",
    "check_submission",
    "decide",
    "end",
    "evolve",
    "fold",
    "next_experiment",
    "reward_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetEpisode:
    """Begin an episode on a scenario."""

    task_id: TaskId
    seed: int
    seed_given: bool
    """Whether the client chose the seed."""
    scenario_digest: str
    generator_version: str
    split: SplitName = "train"
    rubric_version: str = RUBRIC.version
    observation_version: str = OBSERVATION_VERSION
    reward_mode: RewardMode = "shaped"
    agent: str | None = None
    session: str | None = None
    round: str | None = None
    entry: int | None = None
    attempt: int | None = None
    key: str | None = None
    control: Control | None = "agent"
    invalid_actions: InvalidActions = "error"


@dataclass(frozen=True, slots=True)
class SubmitGraded:
    """Submit diagnoses; the grade is computed beforehand, because judging a patch means running a training."""

    diagnoses: tuple[Diagnosis, ...]
    grade: Grade
    reported: Reported | None = None


@dataclass(frozen=True, slots=True)
class ExperimentDone:
    """Run an experiment; its outcome is computed beforehand, because it means running a training."""

    patch: tuple[PatchEntry, ...]
    outcome: ExperimentOutcome | None
    """None: nothing was run, because no experiment was left."""


@dataclass(frozen=True, slots=True)
class EndEpisode:
    """Close an episode that its agent left."""

    reason: ExpireReason


Step = ReadArtifact | QueryArtifact | RunSanityCheck | ExperimentDone | SubmitGraded | InvalidAction
Command = ResetEpisode | Step | EndEpisode


class EpisodeExistsError(Exception):
    """The episode has begun already."""


class EpisodeNotBegunError(Exception):
    """There is no such episode."""


class EpisodeEndedError(Exception):
    """The episode is over."""


class Decision(NamedTuple):
    """What a command leads to."""

    events: tuple[Event, ...]
    """Never none."""
    after: EpisodeState
    """The state that the events lead to."""
    shown: bytes = b""
    """What `observe` gives for that state; empty: the command was no step."""


class WrongSubmissionError(ValueError):
    """The task asks for one diagnosis and was given a list, or the other way round."""

    def __init__(self, task_id: TaskId) -> None:
        self.task_id = task_id
        self.field = "diagnoses"
        super().__init__(
            f"on the task {task_id} submit_diagnosis takes diagnoses, a list of 0 to 2 entries, and nothing beside it"
            if task_id == COMPOSED_TASK
            else f"on the task {task_id} submit_diagnosis takes one diagnosis, not diagnoses"
        )


def check_submission(state: EpisodeState, submitted: SubmitDiagnosis) -> None:
    """Raises ``WrongSubmissionError`` where the task takes another shape."""
    if submitted.is_list != (state.reset.task_id == COMPOSED_TASK):
        raise WrongSubmissionError(state.reset.task_id)


def decide(state: EpisodeState | None, command: Command, evidence: EvidenceView) -> Decision:
    """The events that a command leads to, and the state that they lead to."""
    if isinstance(command, ResetEpisode):
        if state is not None:
            raise EpisodeExistsError
        return _begin(command, evidence)
    if isinstance(command, EndEpisode):
        return end(state, command)
    running = _require_running(state)
    return _step(running, _to_event(running, command, evidence), evidence)


def end(state: EpisodeState | None, command: EndEpisode) -> Decision:
    """What closing leads to. Needs no evidence, so that closing many episodes loads no scenario."""
    event = EpisodeExpired(reason=command.reason)
    return Decision((event,), evolve(_require_running(state), event))


def _require_running(state: EpisodeState | None) -> EpisodeState:
    if state is None:
        raise EpisodeNotBegunError
    if state.ended is not None:
        raise EpisodeEndedError
    return state


def _begin(command: ResetEpisode, evidence: EvidenceView) -> Decision:
    rubric = rubric_of(command.rubric_version)
    event = EpisodeReset(
        task_id=command.task_id,
        seed=command.seed,
        seed_given=command.seed_given,
        split=command.split,
        scenario_digest=command.scenario_digest,
        generator_version=command.generator_version,
        rubric_version=command.rubric_version,
        observation_version=command.observation_version,
        reward_mode=command.reward_mode,
        max_steps=rubric.max_steps[command.task_id],
        max_experiments=rubric.max_experiments[command.task_id],
        agent=command.agent,
        session=command.session,
        round=command.round,
        entry=command.entry,
        attempt=command.attempt,
        key=command.key,
        control=command.control,
        invalid_actions=command.invalid_actions,
        observation_digest="",
    )
    after = evolve(None, event)
    _set_digest(event, observation_digest(evidence, after))
    return Decision((event,), after)


def _to_event(state: EpisodeState, command: Step, evidence: EvidenceView) -> _StepEvent:
    match command:
        case ReadArtifact() if command.artifact not in evidence.artifacts:
            return _refused("unknown_artifact", artifact=command.artifact)
        case ReadArtifact():
            return ArtifactRead(artifact=command.artifact, log_filter=command.log_filter, observation_digest="")
        case QueryArtifact() if command.artifact not in evidence.artifacts:
            return _refused("unknown_artifact", artifact=command.artifact, field=command.field)
        case QueryArtifact() if evidence.has_field(command.artifact, command.field):
            return FieldQueried(artifact=command.artifact, field=command.field, observation_digest="")
        case QueryArtifact():
            return _refused("unknown_field", artifact=command.artifact, field=command.field)
        case RunSanityCheck():
            return CheckRun(check=command.check, observation_digest="")
        case ExperimentDone():
            return _experiment(state, command)
        case InvalidAction():
            return _invalid(state, command)
        case SubmitGraded():
            return DiagnosisSubmitted(
                diagnoses=command.diagnoses,
                grade=command.grade,
                reported=command.reported,
                observation_digest="",
            )


def _experiment(state: EpisodeState, command: ExperimentDone) -> ExperimentRun | ActionRefused:
    if not state.experiments_left:
        return _refused("no_experiments_left", patch=command.patch)
    match command.outcome:
        case ExperimentRejection(reason=reason, text=text):
            return _refused(reason, patch=command.patch, text=text)
        case ExperimentResult(number=number) if number == next_experiment(state):
            return ExperimentRun(number=number, patch=command.patch, result=command.outcome, observation_digest="")
        case _:
            raise ValueError(f"the outcome is not that of experiment {next_experiment(state)} of the episode")


def _invalid(state: EpisodeState, command: InvalidAction) -> ActionRefused:
    if state.reset.invalid_actions != "step":
        raise ValueError("an invalid action is no step of this episode")
    return _refused("invalid_action", text=command.message, sent_digest=command.digest)


def next_experiment(state: EpisodeState) -> int | None:
    """The number of the experiment that comes next, from 1; None: none is left."""
    return state.experiments + 1 if state.experiments_left else None


def _refused(
    reason: RefuseReason,
    *,
    artifact: ArtifactName | None = None,
    field: str | None = None,
    patch: tuple[PatchEntry, ...] | None = None,
    text: str | None = None,
    sent_digest: str | None = None,
) -> ActionRefused:
    return ActionRefused(
        artifact=artifact,
        field=field,
        patch=patch,
        reason=reason,
        text=text,
        sent_digest=sent_digest,
        observation_digest="",
    )


def _step(state: EpisodeState, event: _StepEvent, evidence: EvidenceView) -> Decision:
    after = evolve(state, event)
    limit: tuple[Event, ...] = ()
    if after.ended is None and after.step_count >= state.reset.max_steps:
        limit = (EpisodeExpired(reason="steps"),)
        after = evolve(after, limit[0])
    shown, digest = observe_and_hash(evidence, after)
    _set_digest(event, digest)
    return Decision((event, *limit), after, shown)


_StepEvent = ArtifactRead | FieldQueried | CheckRun | ExperimentRun | ActionRefused | DiagnosisSubmitted


def _set_digest(event: EpisodeReset | _StepEvent, digest: str) -> None:
    # In place: nothing else refers to the event yet but the state after it. A copy would have to be folded again, at
    # every step.
    event.__dict__["observation_digest"] = digest
