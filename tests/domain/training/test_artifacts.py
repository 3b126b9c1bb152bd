from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from domain.training.artifacts import render_artifacts
from domain.training.artifacts.numbers import to_json, to_text, to_yaml
from domain.training.pipeline import draw_pipeline
from domain.training.simulator import TrainingRun, simulate


@pytest.fixture(scope="module")
def run() -> TrainingRun:
    return simulate(draw_pipeline(3))


def test_the_log_has_one_line_an_epoch(run: TrainingRun) -> None:
    lines = [line for line in render_artifacts(run)["train.log"].splitlines() if line.startswith("[EPOCH ")]
    assert len(lines) == len(run.history)
    assert lines[0].startswith("[EPOCH 01] train_loss=")


def test_split_sizes_agree_across_artifacts(run: TrainingRun) -> None:
    texts = render_artifacts(run)
    stats, results = json.loads(texts["dataset_stats.json"]), json.loads(texts["eval_results.json"])
    assert f"n_train={stats['splits']['train']['n_rows']} " in texts["train.log"]
    assert results["rows_scored"]["test"] == stats["splits"]["test"]["n_rows"]
    assert sum(map(sum, results["test_confusion"].values())) == results["rows_scored"]["test"]


def test_reported_accuracy_is_that_of_the_confusion_matrix(run: TrainingRun) -> None:
    results = json.loads(render_artifacts(run)["eval_results.json"])
    rows = list(results["test_confusion"].values())
    hits = sum(row[place] for place, row in enumerate(rows))
    assert results["metrics"]["test_accuracy"] == to_json(hits / results["rows_scored"]["test"])


def test_the_first_key_of_the_model_card_is_never_null_and_holds_no_dot(run: TrainingRun) -> None:
    key, value = next(iter(json.loads(render_artifacts(run)["model_card.json"]).items()))
    assert "." not in key and value is not None


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_numbers_have_at_most_four_significant_digits(value: float) -> None:
    text = to_text(value)
    digits = text.lstrip("-").split("e")[0].replace(".", "").lstrip("0")
    assert text in ("nan", "inf", "-inf") or len(digits.rstrip("0") if "." not in text else digits) <= 4
    assert text != "-0"


@given(st.floats(min_value=-1e300, max_value=1e300))
def test_yaml_numbers_are_read_back_as_numbers(value: float) -> None:
    assert float(yaml.safe_load(to_yaml(value))) == float(to_text(value))


def test_a_class_without_output_and_without_test_rows_keeps_its_row() -> None:
    run = simulate(draw_pipeline(3))
    small = run.m_test._replace(confusion=run.m_test.confusion[:2, :2])
    shown = json.loads(render_artifacts(replace(run, m_test=small))["eval_results.json"])["test_confusion"]
    classes = len(run.pipeline.dataset.classes)
    assert [len(row) for row in shown.values()] == [classes] * classes
    assert sum(sum(row) for row in shown.values()) == int(small.confusion.sum())
