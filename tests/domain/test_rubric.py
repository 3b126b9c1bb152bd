"""Episodes are graded by the rubric that they were recorded under."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

import server
from domain.diagnosis import Diagnosis
from domain.episode.decide import EndEpisode, fold
from domain.episode.observation import observe_reset
from domain.events import DiagnosisSubmitted, EpisodeReset, decode, encode
from domain.grade import (
    CONTRADICTING,
    Breakdown,
    Grade,
    Part,
    Penalty,
    penalty_reason,
    with_share,
    without_notes,
)
from domain.ranking.statistics import estimate_score
from domain.rubric import RUBRIC, RUBRICS, Rubric, UnknownRubricError, rubric_of
from domain.tasks.suites import RANKED_1
from domain.tasks.table import TASKS
from tests.domain.given import CHECK, CODE, CONFIG, VIEW, events_of, reset, submit, when

OTHER = Rubric(
    version="other",
    lowest_score=0.05,
    highest_score=0.9,
    new_artifact_reward=0.5,
    repeated_read_reward=-0.25,
    new_check_reward=0.125,
    unmatched_penalty=0.4,
    low_score_threshold=0.8,
    low_score_share=0.25,
    low_score_tasks=frozenset({"medium", "hard"}),
    max_steps=MappingProxyType({"easy": 5, "medium": 4, "hard": 3, "expert": 2}),
)


@pytest.fixture(autouse=True)
def _two_rubrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.rubric.RUBRICS", {**RUBRICS, OTHER.version: OTHER})


@pytest.mark.parametrize("rubric", [RUBRIC, OTHER])
def test_every_reward_is_that_of_the_recorded_rubric(rubric: Rubric) -> None:
    begun = replace(reset(), rubric_version=rubric.version)
    earned = [when(*commands).last_reward for commands in ([begun, CONFIG], [begun, CONFIG, CONFIG], [begun, CHECK])]
    assert earned == [rubric.new_artifact_reward, rubric.repeated_read_reward, rubric.new_check_reward]


@pytest.mark.parametrize("rubric", [RUBRIC, OTHER])
@pytest.mark.parametrize("task_id", ["easy", "medium", "hard", "expert"])
def test_the_steps_are_those_of_the_recorded_rubric(rubric: Rubric, task_id: str) -> None:
    begun = replace(reset(task_id), rubric_version=rubric.version)  # type: ignore[arg-type]
    (event,) = events_of([begun])
    assert isinstance(event, EpisodeReset)
    assert event.max_steps == rubric.max_steps[task_id]  # type: ignore[index]


@pytest.mark.parametrize("rubric", [RUBRIC, OTHER])
def test_an_episode_without_a_diagnosis_has_the_floor_of_its_rubric(rubric: Rubric) -> None:
    begun = replace(reset(), rubric_version=rubric.version)
    left = when(begun, EndEpisode("idle"))
    assert left.score == rubric.lowest_score
    out_of_steps = when(begun, *[CODE] * rubric.max_steps["medium"])
    assert (out_of_steps.ended, out_of_steps.score) == ("steps", rubric.lowest_score)
    assert out_of_steps.last_reward == round(rubric.repeated_read_reward + rubric.lowest_score, 4)


def test_the_description_an_agent_reads_is_that_of_the_recorded_rubric() -> None:
    descriptions = {}
    for rubric in (RUBRIC, OTHER):
        state = fold(events_of([replace(reset("expert"), rubric_version=rubric.version)]))
        assert state is not None
        descriptions[rubric.version] = observe_reset(VIEW, state, b"null").decode()
    assert (
        "You have 16 steps" in descriptions["2"]
        and "minus 0.25" in descriptions["2"]
        and "scores 0.99" in descriptions["2"]
    )
    assert (
        "You have 2 steps" in descriptions["other"]
        and "minus 0.40" in descriptions["other"]
        and "scores 0.90" in descriptions["other"]
    )
    assert TASKS["medium"].describe(OTHER).endswith("A score below 0.80 is reduced by 25% of what is missing.")
    assert "is reduced" not in TASKS["medium"].describe(RUBRIC)


@pytest.mark.parametrize("rubric", [RUBRIC, OTHER])
def test_a_floor_and_an_interval_are_those_of_the_rubric_of_the_scores(rubric: Rubric) -> None:
    nothing = estimate_score([], RANKED_1, rubric)
    assert nothing.mean == rubric.lowest_score
    assert nothing._replace(variance=1.0).interval == (rubric.lowest_score, rubric.highest_score)


def test_a_penalty_is_stored_by_name_where_only_another_rubric_has_it() -> None:
    diagnosis = Diagnosis(failure_category="data_leakage")
    graded = submit(diagnosis).grade
    assert isinstance(graded.breakdown, Breakdown)
    penalty = Penalty(reason=penalty_reason("medium", OTHER), amount=-0.1)
    part = Part(awarded=0.0, possible=OTHER.field_points)
    breakdown = graded.breakdown.model_copy(update={"penalties": (penalty,), "root_cause_field": part})
    grade: Grade = graded.model_copy(update={"rubric_version": OTHER.version, "breakdown": breakdown})
    event = DiagnosisSubmitted(diagnoses=(diagnosis,), grade=grade, reported=None, observation_digest="d")
    stored = encode(event)
    assert penalty.reason not in stored.payload.decode()
    assert decode(stored) == event


def test_an_unknown_rubric_is_named_with_those_that_are_known() -> None:
    with pytest.raises(UnknownRubricError, match="version 'gone'; this program knows 1, 2, other"):
        rubric_of("gone")
    begun = events_of([reset()])[0].model_copy(update={"rubric_version": "gone"})
    with pytest.raises(UnknownRubricError):
        fold([begun, *events_of([reset(), CONFIG])[1:]])


GRADING_CALLS = frozenset(
    "read_fix verify_patch grade grade_diagnoses verify patch_to_verify build_board estimate_score credit_of".split()
)


def test_no_call_of_the_server_grades_by_the_present_rubric_by_default() -> None:
    forgotten = []
    for path in sorted(Path(str(server.__file__)).parent.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call):
                continue
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            given = {ast.unparse(one) for one in (*call.args, *(each.value for each in call.keywords))}
            if name in GRADING_CALLS and not any("rubric" in one for one in given):
                forgotten.append(f"{path.name}:{call.lineno}")
    assert [one for one in forgotten if not one.startswith("signing.py")] == []


def test_the_words_of_a_verdict_state_the_share_that_the_rubric_leaves() -> None:
    assert with_share(CONTRADICTING, 2 / 3) == CONTRADICTING
    other = with_share(CONTRADICTING, 0.5)
    assert other.endswith("root cause: 50% of the points.")
    assert without_notes("Repaired." + other) == without_notes("Repaired." + CONTRADICTING) == "Repaired."
