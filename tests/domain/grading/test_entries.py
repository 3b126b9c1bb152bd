"""Entries of a patch are read by what they mean."""

from __future__ import annotations

import pytest

from domain.diagnosis import PatchEntry, PatchValue
from domain.grading.entries import entry_meant
from domain.grading.written_run import run_of
from domain.training.artifacts.code.names import SCHEMES
from tests.domain.grading.truths import truth_of


def meant(file: str, field: str, value: PatchValue, fault: str = "exploding_lr") -> PatchEntry:
    return entry_meant(run_of(truth_of(fault, 0, "train")), PatchEntry(file=file, field=field, value=value))


@pytest.mark.parametrize(
    ("file", "field", "value", "known"),
    [
        ("config.yaml", "optimizer.learning_rate", "0.2", 0.2),
        ("config.yaml", "optimizer.learning_rate", "2e-1", 0.2),
        ("config.yml", "learning_rate", 0.2, 0.2),
        ("./config.yaml", "OPTIMIZER.LEARNING_RATE", 0.2, 0.2),
        ("config.yaml", "training.epochs", "12", 12),
        ("config.yaml", "training.shuffle", "true", True),
        ("config.yaml", "model.bias", "False", False),
        ("config.yaml", "training.gradient_clip_norm", "null", None),
        ("config.yaml", "training.gradient_clip_norm", "None", None),
        ("config.yaml", "model.init", "He", "he"),
        ("config.yaml", "model.init", "kaiming", "he"),
        ("config.yaml", "model.init", "glorot_uniform", "xavier"),
        ("config.yaml", "model.output_activation", None, "logits"),
        ("config.yaml", "model.output_activation", "none", "logits"),
        ("config.yaml", "optimizer.name", "AdamW", "adamw"),
        ("preprocessing.py", "TargetEncoder.cv", 5, "5"),
        ("preprocessing.py", "TargetEncoder.cv", 5.0, "5"),
        ("preprocessing.py", "TargetEncoder.cv", None, "None"),
        ("preprocessing.py", "SimpleImputer.fill_value", -999, "-999"),
        ("preprocessing.py", "train_test_split.groups", "Customer_ID", "customer_id"),
        ("preprocessing.py", "train_test_split.test_size", "20%", 0.2),
        ("preprocessing.py", "StandardScaler.enabled", "yes", True),
        ("preprocessing.py", "train_test_split.random_state", "SEED", "SEED"),
    ],
)
def test_a_value_counts_in_any_spelling(file: str, field: str, value: PatchValue, known: PatchValue) -> None:
    found = meant(file, field, value)
    assert found.value == known and type(found.value) is type(known)
    assert found.file in ("config.yaml", "preprocessing.py") and found.field.lower().endswith(field.lower())


def test_a_printed_constant_counts_for_its_name() -> None:
    truth = truth_of("data_leakage_overlap", 0, "train")
    seed, names = truth.pipeline["training"]["seed"], SCHEMES[truth.pipeline["style"]["names"]]
    for value in (seed, str(seed), names["SEED"]):
        assert meant("preprocessing.py", "train_test_split.random_state", value, "data_leakage_overlap").value == "SEED"
    tokenizer = truth.pipeline["preprocessing"]["tokenizer_train"]
    found = meant("preprocessing.py", "tokenizer.version", names["TOKENIZER_TRAIN"], "data_leakage_overlap")
    assert found.value == tokenizer


@pytest.mark.parametrize(
    ("file", "field", "value", "known"),
    [
        ("train.py", "loader.shuffle", "True", True),
        ("train.py", "LOADER.SHUFFLE", True, True),
        ("preprocessing.py", "imputer.fill", "Median", "median"),
        ("preprocessing.py", "split.by", "Month", "month"),
        ("preprocessing.py", "split.groups", "customer_id", "customer"),
        ("preprocessing.py", "split.groups", None, "none"),
        ("config.yaml", "environment.tabular", 2.3, "2.3"),
        ("config.yaml", "learning_rate", "0.1", 0.1),
        ("data_sources.yml", "labels.maturity_months", "2", 2),
        ("data_sources.yaml", "join.keys", "[line, id]", "id, line"),
    ],
)
def test_values_of_runs_of_several_sources_too(file: str, field: str, value: PatchValue, known: PatchValue) -> None:
    found = meant(file, field, value, "multi_source/frozen_column")
    assert found.value == known and type(found.value) is type(known)


@pytest.mark.parametrize(
    ("file", "field", "value"),
    [
        ("config.yaml", "optimizer.learning_rate", "small"),
        ("config.yaml", "optimizer.learning_rate", True),
        ("config.yaml", "optimizer.learning_rate", "nan"),
        ("config.yaml", "model.activation", "selu"),
        ("config.yaml", "training.shuffle", 3),
        ("config.yaml", "optimizer.nothing", 0.2),
        ("nowhere.yaml", "nothing", 0.2),
    ],
)
def test_what_means_nothing_stays_as_it_is_written(file: str, field: str, value: PatchValue) -> None:
    assert meant(file, field, value) == PatchEntry(file=file, field=field, value=value)


def test_a_run_is_found_again_by_its_pipeline_and_equal_ones_are_one() -> None:
    truth = truth_of("exploding_lr", 0, "train")
    again = truth.model_copy(update={"pipeline": dict(truth.pipeline)})
    assert run_of(truth) is run_of(truth) is run_of(again)
