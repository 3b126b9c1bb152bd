"""WIRE.md, "Step": submit_diagnosis, what each part earns, and what is revealed after the end."""

from __future__ import annotations

import httpx
import pytest

from tests.e2e.playing import (
    ARTIFACTS,
    PARTS,
    POINTS,
    TASKS,
    Episode,
    Json,
    awarded,
    diagnosis_from,
    investigated,
    right_diagnosis,
    truth_of,
)


def test_a_submission_ends_the_episode_with_its_score_as_reward(http: httpx.Client) -> None:
    body = investigated(http).play(right_diagnosis(http))
    score = body["info"]["score"]
    assert body["done"] is True
    assert body["reward"] == score
    assert body["observation"]["last_action_result"] == {"status": "submitted", "score": score}
    assert body["info"]["truncated"] is False


def test_info_after_a_submission_has_exactly_the_documented_keys(http: httpx.Client) -> None:
    body = investigated(http).play(right_diagnosis(http))
    assert set(body["info"]) == {
        "episode_id",
        "version",
        "task_id",
        "step_count",
        "max_steps",
        "truncated",
        "score",
        "brier",
        "seed",
        "breakdown",
        "ground_truth",
        "investigation",
        "receipt",
    }
    assert body["metadata"] == body["info"]


def test_the_breakdown_has_exactly_the_documented_keys(http: httpx.Client) -> None:
    breakdown = investigated(http).play(right_diagnosis(http))["info"]["breakdown"]
    assert set(breakdown) == {*PARTS, "penalties"}
    for part in PARTS[:3]:
        assert set(breakdown[part]) == {"awarded", "possible"}
    assert set(breakdown["proposed_fix"]) == {"awarded", "possible", "read_as", "verdict"}


def test_the_possible_points_are_the_documented_ones(http: httpx.Client) -> None:
    breakdown = investigated(http).play(right_diagnosis(http))["info"]["breakdown"]
    assert {part: breakdown[part]["possible"] for part in PARTS} == POINTS


def test_a_patch_is_read_as_it_stands(http: httpx.Client) -> None:
    diagnosis = right_diagnosis(http)
    fix = investigated(http).play(diagnosis)["info"]["breakdown"]["proposed_fix"]
    assert fix["read_as"] == diagnosis["patch"]
    assert fix["verdict"]


def test_the_ground_truth_has_exactly_the_documented_keys(http: httpx.Client) -> None:
    truth = truth_of(http, "medium", 5)
    assert set(truth) == {
        "fault_id",
        "failure_category",
        "root_cause_file",
        "root_cause_field",
        "proposed_fix",
        "patch",
        "accepted",
    }
    assert set(truth["accepted"]) == {"files", "categories", "fields"}


def test_the_ground_truth_of_the_example_is_the_documented_one(http: httpx.Client) -> None:
    truth = truth_of(http, "medium", 5)
    assert (truth["fault_id"], truth["failure_category"]) == ("data_leakage_scaler", "data_leakage")
    assert truth["root_cause_file"] == "preprocessing.py"
    assert truth["root_cause_field"] == "StandardScaler.fit_transform"
    assert truth["patch"] == [{"file": "preprocessing.py", "field": "StandardScaler.fit_transform", "value": "train"}]


@pytest.mark.parametrize("task_id", TASKS)
def test_seed_5_plants_the_fault_of_the_examples(http: httpx.Client, task_id: str) -> None:
    assert truth_of(http, task_id, 5)["fault_id"] == TASKS[task_id]


@pytest.mark.parametrize("task_id", TASKS)
def test_the_accepted_answers_hold_the_main_one(http: httpx.Client, task_id: str) -> None:
    truth = truth_of(http, task_id, 5)
    assert truth["failure_category"] in truth["accepted"]["categories"]
    assert truth["root_cause_file"] in truth["accepted"]["files"]
    assert truth["root_cause_field"] in truth["accepted"]["fields"]


def test_each_accepted_field_of_a_frozen_column_earns_the_points_of_a_field(http: httpx.Client) -> None:
    seed = 0
    truth = truth_of(http, "hard", seed)
    assert truth["fault_id"] == "frozen_column"
    fields = truth["accepted"]["fields"]
    assert len(fields) == 2  # the month until which the column is used, and that of its whole source
    bodies = [
        investigated(http, "hard", seed=seed).play(diagnosis_from(truth, root_cause_field=each)) for each in fields
    ]
    assert [awarded(body)["root_cause_field"] for body in bodies] == [0.30, 0.30]


@pytest.mark.parametrize("absent", [None, "missing"])
@pytest.mark.parametrize("part", ["failure_category", "root_cause_file", "root_cause_field"])
def test_a_part_that_is_missing_or_null_earns_nothing(http: httpx.Client, part: str, absent: str | None) -> None:
    diagnosis = right_diagnosis(http)
    if absent == "missing":
        del diagnosis[part]
    else:
        diagnosis[part] = None
    body = investigated(http).play(diagnosis)
    assert awarded(body)[part] == 0.0


def test_no_fix_and_no_patch_earn_nothing_for_the_fix(http: httpx.Client) -> None:
    body = investigated(http).play(right_diagnosis(http, proposed_fix=None, patch=None))
    assert awarded(body) == {**POINTS, "proposed_fix": 0.0}
    assert body["info"]["score"] == 0.70


@pytest.mark.parametrize("part", ["root_cause_file", "root_cause_field"])
def test_an_empty_text_counts_as_missing(http: httpx.Client, part: str) -> None:
    assert awarded(investigated(http).play(right_diagnosis(http, **{part: ""})))[part] == 0.0


def test_two_files_named_earn_nothing(http: httpx.Client) -> None:
    named = "preprocessing.py and config.yaml"
    assert awarded(investigated(http).play(right_diagnosis(http, root_cause_file=named)))["root_cause_file"] == 0.0


def test_two_wrong_fields_beside_the_right_one_earn_nothing(http: httpx.Client) -> None:
    listed = "StandardScaler.fit_transform, optimizer.learning_rate, training.batch_size"
    body = investigated(http).play(right_diagnosis(http, root_cause_field=listed))
    assert awarded(body)["root_cause_field"] == 0.0


@pytest.mark.parametrize(
    "entry",
    [
        {"file": "nowhere.yaml", "field": "optimizer.learning_rate", "value": 0.1},
        {"file": "config.yaml", "field": "no.such.field", "value": 0.1},
        {"file": "preprocessing.py", "field": "StandardScaler.fit_transform", "value": "some"},
        {"file": "preprocessing.py", "field": "StandardScaler.fit_transform", "value": 3},
        {"file": "config.yaml", "field": "optimizer.learning_rate", "value": 1e9},
        {"file": "config.yaml", "field": "optimizer.learning_rate", "value": "fast"},
        {"file": "config.yaml", "field": "optimizer.learning_rate", "value": None},
    ],
    ids=str,
)
def test_a_patch_the_registry_does_not_know_earns_0_and_is_no_error(http: httpx.Client, entry: Json) -> None:
    body = investigated(http).play(right_diagnosis(http, patch=[entry]))
    assert awarded(body)["proposed_fix"] == 0.0
    assert body["done"] is True


def test_a_patch_with_an_unneeded_second_entry_earns_half(http: httpx.Client) -> None:
    diagnosis = right_diagnosis(http)
    extra = {"file": "config.yaml", "field": "optimizer.momentum", "value": 0.85}
    body = investigated(http).play({**diagnosis, "patch": [*diagnosis["patch"], extra]})
    assert awarded(body)["proposed_fix"] == pytest.approx(0.15)


def test_a_patch_of_another_field_earns_nothing(http: httpx.Client) -> None:
    patch = [{"file": "config.yaml", "field": "optimizer.momentum", "value": 0.85}]
    assert awarded(investigated(http).play(right_diagnosis(http, patch=patch)))["proposed_fix"] == 0.0


def test_the_investigation_is_summed_up(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    episode.step("read_logs")
    episode.step("read_config")
    episode.step("read_logs")
    episode.step("query_artifact", artifact_name="config.yaml", field_path="no.such.field")
    episode.step("run_sanity_check", sanity_check_type="class_balance")
    assert episode.step("submit_diagnosis")["info"]["investigation"] == {
        "artifacts_read": ["train.log", "config.yaml"],
        "checks_run": ["class_balance"],
        "duplicate_reads": 1,
        "refused": 1,
        "steps": 6,
    }


def test_texts_may_be_as_long_as_documented(http: httpx.Client) -> None:
    body = Episode(http, seed=5).step(
        "submit_diagnosis",
        diagnosis="d" * 4000,
        proposed_fix="f" * 600,
        root_cause_file="x" * 300,
        root_cause_field="y" * 300,
    )
    assert body["done"] is True


@pytest.mark.parametrize("artifact_name", ARTIFACTS)
def test_any_artifact_may_be_named(http: httpx.Client, artifact_name: str) -> None:
    body = investigated(http).play(right_diagnosis(http, root_cause_file=artifact_name))
    assert awarded(body)["root_cause_file"] == (0.25 if artifact_name == "preprocessing.py" else 0.0)
