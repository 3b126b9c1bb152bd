"""WIRE.md, "What costs and earns": how parts, penalties and confidence make score and Brier."""

from __future__ import annotations

import httpx
import pytest

from tests.e2e.playing import (
    PARTS,
    READS,
    TASKS,
    WRONG_DIAGNOSIS,
    Episode,
    awarded,
    diagnosis_from,
    investigated,
    right_diagnosis,
    truth_of,
)


@pytest.mark.parametrize("task_id", TASKS)
@pytest.mark.parametrize("seed", [5, 8])
def test_the_ground_truth_as_it_stands_scores_at_least_095(http: httpx.Client, task_id: str, seed: int) -> None:
    right = diagnosis_from(truth_of(http, task_id, seed))
    assert Episode(http, task_id=task_id, seed=seed).play(right)["info"]["score"] >= 0.95


@pytest.mark.parametrize("task_id", TASKS)
def test_no_score_is_above_099(http: httpx.Client, task_id: str) -> None:
    assert investigated(http, task_id).play(right_diagnosis(http, task_id))["info"]["score"] == 0.99


@pytest.mark.parametrize("task_id", TASKS)
def test_an_empty_diagnosis_scores_001(http: httpx.Client, task_id: str) -> None:
    body = Episode(http, task_id=task_id, seed=5).step("submit_diagnosis")
    assert body["info"]["score"] == 0.01
    assert awarded(body) == dict.fromkeys(PARTS, 0.0)


@pytest.mark.parametrize(("confidence", "brier"), [(0.8, 0.04), (1.0, 0.0), (0.0, 1.0), (1, 0.0), (0, 1.0)])
def test_brier_of_a_right_diagnosis(http: httpx.Client, confidence: float, brier: float) -> None:
    body = investigated(http).play(right_diagnosis(http, confidence=confidence))
    assert body["info"]["brier"] == pytest.approx(brier)


@pytest.mark.parametrize(("confidence", "brier"), [(0.2, 0.04), (1.0, 1.0), (0.0, 0.0)])
def test_brier_of_a_wrong_diagnosis(http: httpx.Client, confidence: float, brier: float) -> None:
    body = investigated(http).play({**WRONG_DIAGNOSIS, "confidence": confidence})
    assert body["info"]["brier"] == pytest.approx(brier)


def test_without_confidence_brier_is_null(http: httpx.Client) -> None:
    assert investigated(http).play(right_diagnosis(http))["info"]["brier"] is None


def test_confidence_does_not_change_the_score(http: httpx.Client) -> None:
    scores = {
        investigated(http).play(right_diagnosis(http, confidence=confidence))["info"]["score"]
        for confidence in (0.0, 1.0)
    }
    assert len(scores) == 1


def test_brier_looks_at_category_file_and_field_only(http: httpx.Client) -> None:
    body = investigated(http).play(right_diagnosis(http, confidence=1.0, proposed_fix=None, patch=None))
    assert body["info"]["brier"] == 0.0


@pytest.mark.parametrize("reads", [0, 1, 2])
def test_fewer_than_3_artifacts_read_is_a_penalty(http: httpx.Client, reads: int) -> None:
    episode = Episode(http, task_id="medium", seed=5)
    for action_type in READS[:reads]:
        episode.step(action_type)
    body = episode.play(right_diagnosis(http, proposed_fix=None, patch=None))
    assert body["info"]["breakdown"]["penalties"] == [{"reason": "fewer than 3 artifacts read", "amount": -0.05}]
    assert body["info"]["score"] == 0.65


def test_three_artifacts_read_or_queried_are_no_penalty(http: httpx.Client) -> None:
    episode = Episode(http, task_id="medium", seed=5)
    episode.step("read_config")
    episode.step("read_logs", log_filter="epoch:1")
    episode.step("query_artifact", artifact_name="preprocessing.py", field_path="StandardScaler")
    body = episode.play(right_diagnosis(http, proposed_fix=None, patch=None))
    assert (body["info"]["breakdown"]["penalties"], body["info"]["score"]) == ([], 0.70)


@pytest.mark.parametrize(
    ("missing", "score"),
    [
        (("proposed_fix", "patch"), 0.70),
        (("proposed_fix", "patch", "failure_category"), 0.475),  # 0.55 - 0.15 / 2
        (("proposed_fix", "patch", "root_cause_field"), 0.25),  # 0.40 - 0.30 / 2
    ],
)
def test_hard_deducts_half_of_what_is_missing_to_070(
    http: httpx.Client, missing: tuple[str, ...], score: float
) -> None:
    body = investigated(http, "hard").play(right_diagnosis(http, "hard", **dict.fromkeys(missing)))
    parts = sum(awarded(body).values())
    deduction = sum(penalty["amount"] for penalty in body["info"]["breakdown"]["penalties"])
    assert body["info"]["score"] == pytest.approx(score)
    assert parts + deduction == pytest.approx(score)


@pytest.mark.parametrize("task_id", TASKS)
@pytest.mark.parametrize("missing", [(), ("failure_category",), ("root_cause_field", "patch", "proposed_fix")])
@pytest.mark.parametrize("reads", [1, 3])
def test_the_score_is_the_parts_and_the_penalties_clamped(
    http: httpx.Client, task_id: str, missing: tuple[str, ...], reads: int
) -> None:
    episode = Episode(http, task_id=task_id, seed=5)
    for action_type in READS[:reads]:
        episode.step(action_type)
    body = episode.play(right_diagnosis(http, task_id, **dict.fromkeys(missing)))
    penalties = body["info"]["breakdown"]["penalties"]
    assert all(set(penalty) == {"reason", "amount"} and penalty["amount"] < 0 for penalty in penalties)
    total = sum(awarded(body).values()) + sum(penalty["amount"] for penalty in penalties)
    assert body["info"]["score"] == pytest.approx(min(0.99, max(0.01, total)), abs=5e-5)
    assert body["info"]["score"] == round(body["info"]["score"], 4)
