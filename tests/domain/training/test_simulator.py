"""The shown code is the code that ran: it is executed on the same raw data and must give the same arrays and metrics."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import cycle
from typing import Any

import numpy as np
import pytest
import yaml

from domain.training import simulator, tabular
from domain.training.artifacts import render_artifacts
from domain.training.artifacts.code.names import PUBLIC, SCHEMES
from domain.training.artifacts.config import SECTIONS
from domain.training.pipeline import Pipeline, draw_pipeline
from domain.training.simulator import TrainingRun, simulate
from domain.training.style import NAMES, SEED_SPLITS, SPELLINGS, STEPS, SeedSplit, Style
from tests.domain.scenarios import FAULT_IDS, planted
from tests.profiles import seeds, smoke

SEEDS = seeds(range(8), quick=2)


def _run(fault_id: str, seed: int) -> TrainingRun:
    if fault_id == "none":
        return simulate(draw_pipeline(seed))
    return simulate(Pipeline.from_json(planted(fault_id, seed).truth.pipeline))


def _execute(run: TrainingRun, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The functions and constants of the shown code, by their canonical names."""
    monkeypatch.setitem(sys.modules, "tabular", tabular)
    defined: dict[str, Any] = {"__name__": "preprocessing"}
    exec(compile(render_artifacts(run)["preprocessing.py"], "preprocessing.py", "exec"), defined)
    names = SCHEMES[run.pipeline.style.names]
    return {canonical: defined[names[canonical]] for canonical in PUBLIC}


@pytest.mark.parametrize("fault_id", ["none", *FAULT_IDS])
def test_executing_preprocessing_py_reproduces_the_run(fault_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in SEEDS:
        _reproduces(_run(fault_id, seed), monkeypatch)


STYLED = [(fault_id, split) for fault_id in FAULT_IDS for split in SEED_SPLITS]


@pytest.mark.parametrize("styled", smoke(STYLED, lambda each: STYLED.index(each) // 3 % 3 == STYLED.index(each) % 3))
def test_every_spelling_and_every_naming_scheme_reproduces_the_run(
    styled: tuple[str, SeedSplit], monkeypatch: pytest.MonkeyPatch
) -> None:
    fault_id, split = styled
    run = _run(fault_id, 1)
    for names, spelling in zip(NAMES[split], cycle(SPELLINGS[split]), strict=False):
        style = Style(names=names, spellings=str(spelling) * len(STEPS))
        _reproduces(replace(run, pipeline=replace(run.pipeline, style=style)), monkeypatch)


def _reproduces(run: TrainingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    code = _execute(run, monkeypatch)
    for ours, theirs in zip(run.splits, code["make_split"](run.raw, code["SEED"]), strict=True):
        assert np.array_equal(ours.index, theirs.index)
    (features, labels), (val_features, val_labels), fitted = code["make_loaders"](run.raw)
    assert np.array_equal(features, run.trained_on.features)
    assert np.array_equal(labels, run.trained_on.labels)
    assert np.array_equal(val_features, run.val.features)
    assert np.array_equal(val_labels, run.val.labels)
    assert np.array_equal(code["eval_features"](run.scored, fitted), run.test.features)
    assert np.array_equal(code["eval_labels"](run.scored), run.test.labels)
    _same_report(code["run_evaluation"](run.network, run.raw, fitted, run.pipeline.evaluation.average), run)


def _same_report(returned: dict[str, Any], run: TrainingRun) -> None:
    val, test = run.reported_val, run.reported_test
    assert np.array_equal(returned.pop("test_confusion"), test.confusion)
    assert returned == {
        "val_loss": val.loss,
        "val_accuracy": val.accuracy,
        "test_loss": test.loss,
        "test_accuracy": test.accuracy,
        "test_f1": tabular.f1_score(test.confusion, average=run.pipeline.evaluation.average),
        "rows_scored": {"val": val.rows, "test": test.rows},
    }


@pytest.mark.parametrize("fault_id", ["none", *FAULT_IDS])
def test_parsing_config_yaml_gives_back_the_pipeline(fault_id: str) -> None:
    for seed in SEEDS:
        run = _run(fault_id, seed)
        parsed = yaml.safe_load(render_artifacts(run)["config.yaml"])
        for section, names in SECTIONS.items():
            assert {name: parsed[section][name] for name in names} == {
                name: run.pipeline.value(f"{section}.{name}") for name in names
            }


def test_every_component_takes_part_in_every_healthy_run() -> None:
    run = simulate(draw_pipeline(11))
    assert run.fitted.selector.selected_.shape == (run.pipeline.preprocessing.selector_k,)
    assert len(run.trained_on.labels) > len(run.train.labels)


def test_rows_whose_class_has_no_output_count_as_wrong_in_training_too() -> None:
    healthy = draw_pipeline(11)
    healthy = healthy.with_value("model.num_classes", len(healthy.dataset.classes) - 1)
    run = simulate(healthy.with_value("model.dropout", 0.0))
    last = len(healthy.dataset.classes) - 1
    assert max(epoch.train_accuracy for epoch in run.history) <= float((run.trained_on.labels != last).mean()) + 1e-9


def test_the_holdout_holds_fresh_rows_of_the_same_world() -> None:
    pipeline = draw_pipeline(11)
    run = simulate(pipeline)
    fresh = simulator.draw_holdout(pipeline)
    assert len(fresh) == pytest.approx(3 * simulator.HOLDOUT_CUSTOMERS, rel=0.1)
    assert not np.array_equal(fresh.numbers[:9], run.raw.numbers[:9], equal_nan=True)
    accuracy = simulator.holdout_accuracy(run, fresh)
    assert accuracy.val == accuracy.test > 0.6


def test_a_pipeline_survives_json() -> None:
    for seed in (0, 7, 2**128 - 1):
        pipeline = draw_pipeline(seed)
        assert Pipeline.from_json(pipeline.to_json()) == pipeline
