"""The same words do harm in one context and none in another: both are planted, and both are drawn."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from domain.faults import CATALOGUE, Fault
from domain.training.artifacts import draw_cosmetics, render_code, render_config
from domain.training.pipeline import FieldValue, Pipeline, draw_pipeline
from domain.training.randomness import Stream
from domain.training.simulator import draw_holdout, draw_raw, holdout_accuracy, simulate
from domain.training.style import PLAIN
from tests.profiles import seeds

SEEDS = seeds(range(8_000_000, 8_000_040), quick=6)
FAULTS = {fault_id: fault for fault_id, fault in CATALOGUE.items() if fault.look_alike is not None}
NOISE = 0.02
"""Change of the mean accuracy on fresh rows that training with the other words may make."""
LEAST_SHARE = 0.01
"""Of the healthy runs, those that hold the words of one fault."""


def _look_alike(fault: Fault, seed: int) -> Pipeline:
    assert fault.look_alike is not None
    return fault.look_alike(draw_pipeline(seed), Stream(seed, "look-alike"))


def _planted(fault: Fault, seed: int) -> Pipeline:
    twin = fault.twin(draw_pipeline(seed))
    return fault.plant(twin, fault.severities(twin, Stream(seed, "test"))[0])


def _value(fault: Fault, pipeline: Pipeline) -> FieldValue:
    assert fault.spec.attribute is not None
    return pipeline.value(fault.spec.attribute)


def _lines(fault: Fault, pipeline: Pipeline) -> list[str]:
    """The lines of config.yaml and preprocessing.py that planting may change, in the plainest style; numbers are left out."""
    plain = replace(pipeline, style=PLAIN)
    text = render_config(plain, draw_cosmetics(plain.seed)) + render_code(plain)
    lines = [line for line in text.splitlines() if line.startswith(fault.lines)]
    return [line.split(":")[0] if fault.spec.type == "number" else line for line in lines]


def test_the_faults_that_have_one() -> None:
    assert set(FAULTS) == {
        "eval_dropout_on",
        "grad_clip_too_small",
        "group_leakage",
        "label_row_misaligned",
        "sentinel_impute",
        "shuffle_off_sorted",
        "wrong_optimizer",
    }


@pytest.mark.parametrize("fault_id", FAULTS)
def test_a_look_alike_reads_as_the_fault_does(fault_id: str) -> None:
    fault = FAULTS[fault_id]
    for seed in SEEDS:
        alike, faulty = _look_alike(fault, seed), _planted(fault, seed)
        ours = [
            line for line in _lines(fault, alike) if "split_rows" not in line
        ]  # whose shares are the pipeline's own
        assert ours == [line for line in _lines(fault, faulty) if "split_rows" not in line]
        assert fault.spec.type == "number" or _value(fault, alike) == _value(fault, faulty)


@pytest.mark.parametrize("fault_id", FAULTS)
def test_the_words_change_nothing_in_a_look_alike(fault_id: str) -> None:
    fault = FAULTS[fault_id]
    changes = []
    for seed in SEEDS:
        alike = _look_alike(fault, seed)
        raw, fresh = draw_raw(alike), draw_holdout(alike)
        other = fault.plant(alike, _harmless(fault))
        ours, theirs = (holdout_accuracy(simulate(each, raw=raw), fresh).test for each in (alike, other))
        changes.append(ours - theirs)
    print(f"{fault_id}: accuracy on fresh rows changes by {np.mean(changes):+.4f} over {len(SEEDS)} seeds")
    assert np.mean(changes) > -NOISE


def _harmless(fault: Fault) -> FieldValue:
    return {
        "eval_dropout_on": "eval",
        "grad_clip_too_small": None,
        "group_leakage": "customer_id",
        "label_row_misaligned": False,
        "sentinel_impute": "median",
        "shuffle_off_sorted": True,
        "wrong_optimizer": 0.9,
    }[fault.fault_id]


def test_healthy_runs_hold_the_words_of_every_such_fault() -> None:
    drawn: Counter[str] = Counter()
    for seed in range(1_000):
        healthy = draw_pipeline(seed)
        drawn.update(fault_id for fault_id, fault in FAULTS.items() if _reads_faulty(fault, healthy))
    print({fault_id: drawn[fault_id] / 1_000 for fault_id in FAULTS})
    assert min(drawn[fault_id] for fault_id in FAULTS) >= LEAST_SHARE * 1_000


def _reads_faulty(fault: Fault, healthy: Pipeline) -> bool:
    """Whether the field's value is one that the fault would plant."""
    value = _value(fault, healthy)
    if fault.spec.type != "number":
        return value == _value(fault, _planted(fault, 1))
    if value is None or isinstance(value, str):
        return False
    return value <= 0.01 if fault.fault_id == "grad_clip_too_small" else value >= 0.99


@pytest.mark.parametrize("fault_id", CATALOGUE)
def test_the_context_of_a_fault_is_itself_healthy(fault_id: str) -> None:
    """The twin holds no other fault's words where they would do harm."""
    for seed in SEEDS:
        twin = CATALOGUE[fault_id].twin(draw_pipeline(seed))
        settings = twin.preprocessing
        assert settings.eval_mode == "eval" or twin.model.dropout == 0
        assert twin.training.shuffle or twin.dataset.arrival_order != "label"
        assert settings.split_groups == "customer_id" or twin.dataset.rows_per_customer == 1
        assert settings.fill_value != "-999" or twin.dataset.missing_share == 0
        assert not settings.labels_sorted or twin.dataset.arrival_order == "row_id"
