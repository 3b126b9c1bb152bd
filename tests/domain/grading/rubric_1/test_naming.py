from __future__ import annotations

import pytest

from domain.fields.registry import REGISTRY
from domain.grading.rubric_1.naming import fields_named, file_named


@pytest.mark.parametrize("spec", [spec for spec in REGISTRY if spec.attribute], ids=lambda spec: spec.field)
def test_a_field_is_named_by_its_own_name(spec: object) -> None:
    assert fields_named(spec.field) == (spec,)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("lr", "optimizer.learning_rate"),
        ("config.yaml: optimizer['learning_rate']", "optimizer.learning_rate"),
        ("training.batchSize", "training.batch_size"),
        ("StandardScaler().fit(everything)", "StandardScaler.fit_transform"),
        ("fit_transforms.scaler", "StandardScaler.fit_transform"),
        ("TOKENIZER_EVAL", "tokenizer.version"),
        ("make_split(seed=None)", "train_test_split.random_state"),
        ("split_rows test_size", "train_test_split.test_size"),
        ("eval_labels", "LabelEncoder.fit_order"),
        ("metrics.val_accuracy", "metrics.val_accuracy"),
        ("m_test", "metrics.test_accuracy"),
    ],
)
def test_a_field_is_named_in_the_ways_people_do(text: str, field: str) -> None:
    assert [spec.field for spec in fields_named(text)] == [field]


def test_a_longer_name_is_not_read_as_a_shorter_one() -> None:
    assert [spec.field for spec in fields_named("model.init_gain")] == ["model.init_gain"]


def test_a_list_names_all_its_fields() -> None:
    assert len(fields_named("optimizer.learning_rate, optimizer.momentum / batch_size")) == 3


def test_a_measured_number_is_not_a_candidate() -> None:
    assert fields_named("val_loss, n_train and the confusion matrix") == ()


@pytest.mark.parametrize("text", ["config.yaml", "./Config.YAML", "runs/7/config.yaml", "see `config.yaml`."])
def test_a_file_is_named_by_its_base_name(text: str) -> None:
    assert file_named(text) == "config.yaml"


@pytest.mark.parametrize("text", [None, "", "config", "myconfig.yaml.bak", "config.yaml or preprocessing.py"])
def test_no_file_or_two_files_name_none(text: str | None) -> None:
    assert file_named(text) is None
