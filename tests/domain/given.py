"""Given events, when a command, then events: the words in which the tests of episodes are written."""

from __future__ import annotations

from collections.abc import Sequence

from domain.actions import QueryArtifact, ReadArtifact, RunSanityCheck
from domain.diagnosis import Diagnosis, PatchEntry
from domain.episode.decide import Command, EpisodeState, ExperimentDone, ResetEpisode, SubmitGraded, decide, fold
from domain.episode.observation import EvidenceView
from domain.events import Event
from domain.experiment import ExperimentRejection
from domain.types import RewardMode, TaskId
from tests.hand_made import hand_made_experiment, hand_made_grade, hand_made_scenario

SCENARIO = hand_made_scenario()
VIEW = EvidenceView(SCENARIO.evidence)

CONFIG = ReadArtifact("config.yaml")
LOG = ReadArtifact("train.log")
CODE = ReadArtifact("preprocessing.py")
QUERY = QueryArtifact("config.yaml", "optimizer.momentum")
UNKNOWN = QueryArtifact("config.yaml", "optimizer.nope")
CHECK = RunSanityCheck("data_leakage")
LACKING = ReadArtifact("changes.diff")
PATCH = (PatchEntry(file="config.yaml", field="optimizer.learning_rate", value=0.1),)
TOO_HIGH = ExperimentDone(
    (PatchEntry(file="config.yaml", field="model.dropout", value=3),),
    ExperimentRejection(reason="invalid_value", text="model.dropout takes a number from 0 to 0.99, not 3"),
)
NONE_LEFT = ExperimentDone(PATCH, None)


def reset(task_id: TaskId = "medium", reward_mode: RewardMode = "shaped") -> ResetEpisode:
    return ResetEpisode(
        task_id=task_id,
        seed=7,
        seed_given=True,
        scenario_digest=SCENARIO.digest,
        generator_version=SCENARIO.generator_version,
        reward_mode=reward_mode,
    )


def submit(diagnosis: Diagnosis | None = None) -> SubmitGraded:
    said = diagnosis or Diagnosis(failure_category="data_leakage", confidence=0.8)
    return SubmitGraded((said,), hand_made_grade(said, SCENARIO.only_fault, None))


def experiment(number: int = 1, patch: tuple[PatchEntry, ...] = PATCH) -> ExperimentDone:
    return ExperimentDone(patch, hand_made_experiment(patch, number))


def events_of(commands: Sequence[Command]) -> tuple[Event, ...]:
    """The events that a row of commands leads to."""
    events: list[Event] = []
    for command in commands:
        events.extend(decide(fold(events), command, VIEW).events)
    return tuple(events)


def when(*commands: Command) -> EpisodeState:
    """The state after a row of commands."""
    state = fold(events_of(commands))
    assert state is not None
    return state
