"""How an episode goes on: the rules of WIRE.md, one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.actions import QueryArtifact, ReadArtifact, RunSanityCheck
from domain.diagnosis import Diagnosis
from domain.episode.decide import (
    Command,
    EndEpisode,
    EpisodeEndedError,
    EpisodeExistsError,
    EpisodeNotBegunError,
    decide,
    end,
    fold,
)
from domain.episode.observation import OBSERVATION_VERSION
from domain.events import (
    ActionRefused,
    ArtifactRead,
    CheckRun,
    DiagnosisSubmitted,
    EpisodeExpired,
    ExperimentRun,
    FieldQueried,
)
from domain.rubric import RUBRIC
from tests.domain.given import (
    CHECK,
    CODE,
    CONFIG,
    LACKING,
    LOG,
    NONE_LEFT,
    PATCH,
    QUERY,
    SCENARIO,
    TOO_HIGH,
    UNKNOWN,
    VIEW,
    events_of,
    experiment,
    reset,
    submit,
    when,
)


def test_reset_records_what_the_episode_is_about() -> None:
    (event,) = decide(None, reset("hard", "sparse"), VIEW).events
    assert event.model_dump(exclude={"observation_digest"}) == {
        "task_id": "hard",
        "seed": 7,
        "seed_given": True,
        "split": "train",
        "scenario_digest": SCENARIO.digest,
        "generator_version": "hand-made",
        "rubric_version": RUBRIC.version,
        "observation_version": OBSERVATION_VERSION,
        "reward_mode": "sparse",
        "max_steps": 16,
        "max_experiments": 3,
        "agent": None,
        "session": None,
        "round": None,
        "entry": None,
        "attempt": None,
        "key": None,
        "control": "agent",
        "invalid_actions": "error",
    }


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (CONFIG, ArtifactRead),
        (QUERY, FieldQueried),
        (CHECK, CheckRun),
        (experiment(), ExperimentRun),
        (UNKNOWN, ActionRefused),
        (LACKING, ActionRefused),
        (QueryArtifact("changes.diff", "x"), ActionRefused),
        (TOO_HIGH, ActionRefused),
    ],
)
def test_each_action_is_a_step_and_one_event(command: ReadArtifact, kind: type) -> None:
    *_, event = events_of([reset(), command])
    assert isinstance(event, kind)
    assert when(reset(), command).step_count == 1


def test_the_same_diagnosis_ends_the_episode_with_its_score() -> None:
    state = when(reset(), CONFIG, submit())
    assert isinstance(state.last, DiagnosisSubmitted)
    assert (state.ended, state.score, state.last_reward, state.is_truncated) == ("submitted", 0.15, 0.15, False)
    assert state.brier == 0.64


@pytest.mark.parametrize(
    "commands", [[reset()], [reset(), CONFIG], [reset(), CONFIG, submit()], [reset(), CONFIG, CONFIG]]
)
def test_a_decision_tells_the_state_that_its_events_fold_to(commands: list[Command]) -> None:
    before = fold(events_of(commands[:-1]))
    decided = decide(before, commands[-1], VIEW)
    assert decided.after == fold(events_of(commands))
    assert decided.events[-1].observation_digest != ""


def test_the_step_at_the_limit_tells_the_state_after_both_of_its_events() -> None:
    before = when(reset(), *[CONFIG] * (when(reset()).reset.max_steps - 1))
    decided = decide(before, CONFIG, VIEW)
    assert [event.kind for event in decided.events] == ["read", "expire"]
    assert (decided.after.version, decided.after.ended) == (before.version + 2, "steps")


def test_closing_tells_the_state_after_it() -> None:
    assert end(when(reset()), EndEpisode("idle")).after == when(reset(), EndEpisode("idle"))


def test_nothing_follows_the_end() -> None:
    state = when(reset(), submit())
    for command in (CONFIG, submit(), EndEpisode("idle")):
        with pytest.raises(EpisodeEndedError):
            decide(state, command, VIEW)


def test_an_episode_begins_once_and_before_anything_else() -> None:
    with pytest.raises(EpisodeExistsError):
        decide(when(reset()), reset(), VIEW)
    with pytest.raises(EpisodeNotBegunError):
        decide(None, CONFIG, VIEW)


@pytest.mark.parametrize(
    ("commands", "earned"),
    [
        ([CONFIG], 0.02),
        ([QUERY], 0.02),
        ([CONFIG, CONFIG], -0.02),
        ([CONFIG, QUERY], 0.0),
        ([QUERY, CONFIG], 0.0),
        ([QUERY, CONFIG, CONFIG], -0.02),
        ([QUERY, QUERY], 0.0),
        ([LOG, ReadArtifact("train.log", "epoch:1")], 0.0),
        ([ReadArtifact("train.log", "epoch:1"), LOG], 0.0),
        ([ReadArtifact("train.log", "nothing")], 0.02),
        ([ReadArtifact("train.log", "Epoch:1"), ReadArtifact("train.log", " epoch:1 ")], -0.02),
        ([CHECK], 0.01),
        ([CHECK, CHECK], 0.0),
        ([CHECK, RunSanityCheck("class_balance")], 0.01),
        ([UNKNOWN], 0.0),
        ([CONFIG, UNKNOWN], 0.0),
        ([experiment()], 0.0),
        ([TOO_HIGH], 0.0),
        ([LACKING], 0.0),
    ],
)
def test_what_a_step_earns(commands: list[ReadArtifact], earned: float) -> None:
    assert when(reset(), *commands).last_reward == earned
    assert when(reset(reward_mode="sparse"), *commands).last_reward == 0.0


def test_an_experiment_is_recorded_with_what_it_showed() -> None:
    (*_, event) = events_of([reset(), experiment()])
    assert isinstance(event, ExperimentRun)
    assert (event.number, event.patch, event.result) == (1, PATCH, experiment().outcome)


def test_experiments_are_counted_and_those_beyond_the_budget_are_refused() -> None:
    state = when(reset(), experiment(1), experiment(2))
    assert (state.experiments, state.experiments_left, state.step_count) == (2, 0, 2)
    beyond = when(reset(), experiment(1), experiment(2), NONE_LEFT)
    assert isinstance(beyond.last, ActionRefused)
    assert (beyond.last.reason, beyond.last.patch, beyond.last.field) == ("no_experiments_left", PATCH, None)
    assert (beyond.experiments, beyond.refused, beyond.step_count, beyond.last_reward) == (2, 1, 3, 0.0)


def test_a_rejected_patch_is_refused_and_uses_no_experiment() -> None:
    state = when(reset(), TOO_HIGH, experiment(1))
    assert (state.experiments, state.experiments_left, state.refused) == (1, 1, 1)


def test_an_outcome_of_another_experiment_is_never_recorded() -> None:
    for outcome in (experiment(2), NONE_LEFT):
        with pytest.raises(ValueError, match="not that of experiment 1"):
            decide(when(reset()), outcome, VIEW)


def test_an_episode_from_before_there_were_experiments_has_none() -> None:
    before = replace(reset(), rubric_version="1", observation_version="1")
    state = when(before, NONE_LEFT)
    assert isinstance(state.last, ActionRefused)
    assert (state.reset.max_steps, state.reset.max_experiments, state.last.reason) == (30, 0, "no_experiments_left")


def test_an_artifact_that_the_scenario_lacks_is_refused() -> None:
    state = when(reset(), LACKING)
    assert isinstance(state.last, ActionRefused)
    assert (state.last.reason, state.last.action) == ("unknown_artifact", LACKING)
    assert (state.artifacts_read, state.duplicate_reads) == ((), 0)
    asked = QueryArtifact("data_slices.json", "all.age")
    refused = when(reset(), asked).last
    assert isinstance(refused, ActionRefused)
    assert (refused.reason, refused.action) == ("unknown_artifact", asked)


def test_a_refused_query_counts_no_artifact_as_read() -> None:
    state = when(reset(), UNKNOWN)
    assert (state.artifacts_read, state.refused) == ((), 1)


@pytest.mark.parametrize(("reward_mode", "last", "total"), [("shaped", 0.0 + 0.01, 0.04), ("sparse", 0.01, 0.01)])
def test_the_step_that_reaches_the_limit_ends_the_episode(reward_mode: str, last: float, total: float) -> None:
    filler = [UNKNOWN] * 18
    state = when(reset("easy", reward_mode), CONFIG, CHECK, *filler)  # type: ignore[arg-type]
    assert (state.ended, state.step_count, state.score, state.is_truncated) == ("steps", 20, 0.01, True)
    assert (state.last_reward, state.total_reward) == (last, total)
    assert state.version == 22


def test_a_diagnosis_at_the_last_step_is_a_diagnosis() -> None:
    state = when(reset("easy"), *[UNKNOWN] * 19, submit())
    assert (state.ended, state.step_count, state.version) == ("submitted", 20, 21)


@pytest.mark.parametrize("reason", ["idle", "abandoned"])
def test_an_episode_that_was_left_has_the_lowest_score_and_no_reward_for_it(reason: str) -> None:
    state = when(reset(), CONFIG, EndEpisode(reason))  # type: ignore[arg-type]
    assert (state.ended, state.score, state.total_reward, state.step_count) == (reason, 0.01, 0.02, 1)
    assert isinstance(events_of([reset(), EndEpisode("idle")])[-1], EpisodeExpired)


def test_investigation_says_what_was_looked_at() -> None:
    looked = when(reset(), LOG, LOG, QUERY, CHECK, UNKNOWN, CODE).investigation()
    assert looked.model_dump() == {
        "artifacts_read": ("train.log", "config.yaml", "preprocessing.py"),
        "checks_run": ("data_leakage",),
        "duplicate_reads": 1,
        "refused": 1,
        "steps": 6,
    }


def test_deciding_again_gives_the_same_events() -> None:
    commands = [reset(), CONFIG, UNKNOWN, CHECK, submit(Diagnosis(proposed_fix="fit on train"))]
    assert events_of(commands) == events_of(commands)
    assert fold(events_of(commands)) == fold(events_of(commands))
