from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from domain.fields.aliases import ALIASES, FALLBACK_NAMES
from domain.fields.field import FieldSpec, ValueOutsideFieldError
from domain.fields.registry import REGISTRY, UnknownFieldError, find, registry_json, with_field
from domain.training.pipeline import draw_pipeline
from domain.types import COMMON_ARTIFACT_NAMES
from tests.domain.scenarios import twin

SETTABLE = [spec for spec in REGISTRY if spec.attribute is not None]


def test_field_names_are_unique() -> None:
    assert len({(spec.file, spec.field) for spec in REGISTRY}) == len(REGISTRY)


@pytest.mark.parametrize("names", [ALIASES, FALLBACK_NAMES], ids=["aliases", "fallback names"])
def test_further_names_belong_to_a_field_of_the_registry_and_to_no_other(names: Mapping[str, tuple[str, ...]]) -> None:
    assert set(names) <= {spec.field for spec in REGISTRY}
    every = [name for further in names.values() for name in further]
    assert len(every) == len(set(every))


def test_every_artifact_that_all_runs_have_has_fields() -> None:
    assert {spec.file for spec in REGISTRY} == set(COMMON_ARTIFACT_NAMES)


@pytest.mark.parametrize("spec", SETTABLE, ids=lambda spec: spec.field)
def test_the_healthy_value_of_a_field_is_one_it_can_take(spec: FieldSpec) -> None:
    assert spec.attribute is not None
    for seed in range(30):
        pipeline = draw_pipeline(seed)
        value = spec.from_pipeline(pipeline.value(spec.attribute))
        assert with_field(pipeline, spec.file, spec.field, value) == pipeline


def test_every_key_of_config_yaml_is_in_the_registry() -> None:
    known = {spec.field for spec in REGISTRY if spec.file == "config.yaml"}
    assert set(_paths(yaml.safe_load(twin("exploding_lr", 3).evidence.artifacts["config.yaml"]))) == known


@pytest.mark.parametrize("name", ["eval_results.json", "dataset_stats.json", "model_card.json"])
def test_every_key_of_a_json_artifact_is_in_the_registry(name: str) -> None:
    fields = " ".join(f".{spec.field}." for spec in REGISTRY if spec.file == name)
    for key in json.loads(twin("exploding_lr", 3).evidence.artifacts[name]):  # type: ignore[index]
        assert f".{key}." in fields, key


def test_every_number_of_the_log_is_in_the_registry() -> None:
    names = {spec.field.split(".")[1] for spec in REGISTRY if spec.file == "train.log"}
    shown = {
        word.split("=")[0]
        for line in twin("exploding_lr", 3).evidence.artifacts["train.log"].splitlines()
        for word in line.split()
        if "=" in word and word.split("=")[1][:1].isdigit()
    }
    assert shown - {"learning_rate", "batch_size"} == names


def test_preprocessing_py_is_python() -> None:
    ast.parse(twin("exploding_lr", 3).evidence.artifacts["preprocessing.py"])


def test_the_two_reported_accuracies_are_one_value_under_two_names() -> None:
    pipeline = draw_pipeline(1)
    swapped = with_field(pipeline, "eval_results.json", "metrics.val_accuracy", "test")
    assert swapped == with_field(pipeline, "eval_results.json", "metrics.test_accuracy", "validation")
    assert swapped != pipeline


@pytest.mark.parametrize(
    ("file", "field", "value"),
    [
        ("config.yaml", "optimizer.momentum", 1.5),
        ("config.yaml", "optimizer.momentum", "0.9"),
        ("config.yaml", "optimizer.momentum", True),
        ("config.yaml", "optimizer.momentum", None),
        ("config.yaml", "optimizer.momentum", float("nan")),
        ("config.yaml", "training.batch_size", 32.5),
        ("config.yaml", "training.shuffle", 1),
        ("config.yaml", "optimizer.name", "lion"),
        ("preprocessing.py", "StandardScaler.fit_transform", "val"),
    ],
)
def test_a_value_outside_the_field_is_refused(file: str, field: str, value: Any) -> None:
    with pytest.raises(ValueOutsideFieldError):
        with_field(draw_pipeline(1), file, field, value)


@pytest.mark.parametrize(("file", "field"), [("config.yaml", "nope"), ("x.txt", "a"), ("train.log", "epoch.val_acc")])
def test_a_field_that_cannot_be_set_is_refused(file: str, field: str) -> None:
    with pytest.raises(UnknownFieldError):
        with_field(draw_pipeline(1), file, field, 1)


def test_a_nullable_field_takes_null() -> None:
    spec = find("config.yaml", "training.gradient_clip_norm")
    assert spec.to_pipeline(None) is None


def test_the_wire_form_is_json_and_names_no_candidate() -> None:
    body = registry_json()
    assert {"file": "config.yaml", "field": "optimizer.learning_rate", "type": "number", "range": [1e-6, 1000]} in body
    assert {
        "file": "preprocessing.py",
        "field": "StandardScaler.fit_transform",
        "type": "choice",
        "choices": ["train", "all"],
    } in body
    assert all(set(entry) <= {"file", "field", "type", "range", "choices", "nullable"} for entry in body)
    json.dumps(body, allow_nan=False)


def _paths(document: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in document.items():
        if isinstance(value, dict):
            yield from _paths(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"
