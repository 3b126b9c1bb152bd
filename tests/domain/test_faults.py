"""Laws that every fault of a task on one table keeps. They take the catalogue as it is: a new fault needs no new test. Those of
faults of several sources are in tests/domain/training/multi_source."""

from __future__ import annotations

import difflib
import re
from dataclasses import replace

import pytest

from domain.faults import CATALOGUE, POOLS, UnknownFaultError, find_fault
from domain.faults.loudness import LOUD, LOUDNESS
from domain.fields.registry import find
from domain.generator import can_plant
from domain.training.artifacts import draw_cosmetics, render_code, render_config
from domain.training.pipeline import Pipeline, draw_pipeline
from domain.training.randomness import Stream
from domain.training.style import PLAIN
from domain.types import TaskId
from tests.domain.scenarios import FAULT_IDS, healthy_pipeline, planted, twin
from tests.profiles import seeds

SEEDS = seeds(range(50))
MORE_SEEDS = seeds(range(50), quick=8)
"""For what need not happen in every seed."""
MUTATED_BY_OPERATOR = {
    "HBS": "training.batch_size",
    "HDB": "training.batch_size",
    "HLR": "optimizer.learning_rate",
    "OCG": "training.gradient_clip_norm",
    "RCD": "model.dropout",
    "RCP": "training.early_stopping_patience",
    "RCW": "optimizer.weight_decay",
    "TCL": "labels.sort_index",
    "TRD": "train_test_split.test_size",
}
"""DeepCrime's operators by what each mutates here: batch size, batching, learning rate, gradient clip, dropout rate, patience,
weight regularisation, training labels, training rows. WCI, the initialisation of weights, has two fields."""
FOR_STORED_SCENARIOS = {"label_encoder_mismatch", "silent_metric_swap", "tokenizer_version_drift"}
"""Runs of several sources have faults of these names that are others."""
MUTATED_BY_WCI = {"model.init", "model.init_gain"}


@pytest.mark.parametrize("fault_id", FAULT_IDS)
def test_artifacts_outside_the_causal_set_equal_the_twins(fault_id: str) -> None:
    causal = CATALOGUE[fault_id].causal
    changed: set[str] = set()
    for seed in MORE_SEEDS if fault_id == "val_loader_is_test" else SEEDS:
        ours, theirs = planted(fault_id, seed).evidence.artifacts, twin(fault_id, seed).evidence.artifacts
        differing = {name for name in ours if ours[name] != theirs[name]}
        assert differing <= causal, (seed, differing - causal)
        changed |= differing
    print(f"{fault_id}: {len(SEEDS)} seeds, every artifact outside {sorted(causal)} is byte-equal to the twin's")
    assert changed == causal, "an artifact is declared causal and never differs"


def _changed_lines(theirs: str, ours: str) -> list[str]:
    return [line[2:] for line in difflib.ndiff(theirs.splitlines(), ours.splitlines()) if line[0] in "+-"]


def _plainly(pipeline: Pipeline) -> str:
    """config.yaml and preprocessing.py in the plainest style."""
    plain = replace(pipeline, style=PLAIN)
    return render_config(plain, draw_cosmetics(plain.seed)) + render_code(plain)


@pytest.mark.parametrize("fault_id", FAULT_IDS)
def test_planting_changes_only_the_declared_lines(fault_id: str) -> None:
    declared = CATALOGUE[fault_id].lines
    for seed in SEEDS:
        truth = planted(fault_id, seed).truth
        lines = _changed_lines(_plainly(Pipeline.from_json(truth.twin)), _plainly(Pipeline.from_json(truth.pipeline)))
        assert lines and all(line.startswith(declared) for line in lines), lines


@pytest.mark.parametrize("fault_id", FAULT_IDS)
def test_planting_changes_few_lines_in_any_style(fault_id: str) -> None:
    for seed in SEEDS:
        ours, theirs = planted(fault_id, seed).evidence.artifacts, twin(fault_id, seed).evidence.artifacts
        lines = [
            line for name in ("config.yaml", "preprocessing.py") for line in _changed_lines(theirs[name], ours[name])
        ]
        assert 1 <= len(lines) <= 4, lines


@pytest.mark.parametrize("fault_id", FAULT_IDS)
def test_planting_changes_exactly_one_field(fault_id: str) -> None:
    fault = CATALOGUE[fault_id]
    for seed in SEEDS:
        truth = planted(fault_id, seed).truth
        faulty, healthy = Pipeline.from_json(truth.pipeline), Pipeline.from_json(truth.twin)
        assert healthy == healthy_pipeline(fault_id, seed)
        assert fault.spec.attribute is not None
        assert faulty == healthy.with_value(fault.spec.attribute, faulty.value(fault.spec.attribute)) != healthy


@pytest.mark.parametrize("fault_id", FAULT_IDS)
def test_every_severity_is_a_value_the_field_can_take_and_none_is_safe(fault_id: str) -> None:
    fault = CATALOGUE[fault_id]
    for seed in SEEDS:
        healthy = fault.twin(draw_pipeline(seed))
        for value in fault.severities(healthy, Stream(seed, "test")):
            assert fault.plant(healthy, value) != healthy
            for safe in fault.safe(healthy):
                spec = find(safe.file, safe.field)
                assert spec.attribute is not None
                faulty = spec.from_pipeline(fault.plant(healthy, value).value(spec.attribute))
                assert faulty not in safe.choices or spec.attribute != fault.spec.attribute
                if isinstance(faulty, (int, float)) and safe.low is not None and safe.high is not None:
                    assert not safe.low <= faulty <= safe.high


@pytest.mark.parametrize("fault_id", FAULT_IDS)
def test_the_fields_of_a_fault_are_in_the_registry(fault_id: str) -> None:
    fault = CATALOGUE[fault_id]
    find(fault.file, fault.field)
    for safe in fault.safe(draw_pipeline(1)):
        find(safe.file, safe.field)
    assert 1 <= len(fault.signals) <= 3
    assert fault.sources


def test_the_tasks_on_one_table_plant_all_faults_but_those_that_are_left_for_stored_scenarios() -> None:
    assert set(POOLS) == {"easy", "medium"}
    assert set(CATALOGUE) - set(FAULT_IDS) == FOR_STORED_SCENARIOS


@pytest.mark.parametrize("task_id", ["easy", "medium"])
@pytest.mark.parametrize("fault_id", sorted(FOR_STORED_SCENARIOS))
def test_no_task_plants_a_fault_that_is_left_for_stored_scenarios(fault_id: str, task_id: TaskId) -> None:
    assert not can_plant(task_id, fault_id)


FIRST_NINE = {
    "exploding_lr": "easy",
    "wrong_optimizer": "easy",
    "batch_size_overflow": "easy",
    "data_leakage_scaler": "medium",
    "data_leakage_overlap": "medium",
    "wrong_split_ratio": "medium",
    "label_encoder_mismatch": "hard",
    "silent_metric_swap": "hard",
    "tokenizer_version_drift": "hard",
}


def test_tasks_follow_from_how_loud_the_finished_run_was_measured_to_be() -> None:
    assert set(LOUDNESS) == set(CATALOGUE)
    for fault_id, fault in CATALOGUE.items():
        measured = "easy" if LOUDNESS[fault_id].shown >= LOUD else "medium"
        assert fault.task_id == FIRST_NINE.get(fault_id, measured), fault_id


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(UnknownFaultError, match="no fault is called gremlins"):
        find_fault("gremlins")


def test_a_cited_mutation_operator_mutates_the_field_that_the_fault_sets() -> None:
    cited = {
        (operator, fault.field)
        for fault in CATALOGUE.values()
        for source in fault.sources
        if source.startswith("DeepCrime")
        for operator in re.findall(r"\b[A-Z]{3}\b", source)
    }
    assert cited == {*MUTATED_BY_OPERATOR.items(), *(("WCI", field) for field in MUTATED_BY_WCI)}
