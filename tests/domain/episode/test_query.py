"""Queries are answered from the text the agent can read."""

from __future__ import annotations

from typing import Any

import pytest

from domain.episode.query import MISSING, parse_document, query_document, query_lines
from domain.types import ArtifactName
from tests.hand_made import CODE, TEXTS


@pytest.mark.parametrize(
    ("artifact", "path", "value"),
    [
        ("config.yaml", "optimizer.momentum", 0.9),
        ("config.yaml", "optimizer.learning_rate", 1e-05),
        ("config.yaml", "optimizer.schedule", None),
        ("config.yaml", "training.shuffle", True),
        ("config.yaml", "training.milestones", [5, 8]),
        ("config.yaml", "training.milestones.1", 8),
        ("config.yaml", "training.milestones[1]", 8),
        ("config.yaml", "training.started", "2024-01-01"),
        ("dataset_stats.json", "features.0.mean", 1.5),
        ("dataset_stats.json", "features.0", {"name": "age", "mean": 1.5}),
        ("dataset_stats.json", "a.b.c", 4),
        ("dataset_stats.json", "gap", None),
        ("model_card.json", "notes", "größer"),
    ],
)
def test_a_path_leads_to_its_value(artifact: ArtifactName, path: str, value: Any) -> None:
    assert query_document(parse_document(artifact, TEXTS[artifact]), path) == value


@pytest.mark.parametrize(
    "path",
    ["nope", "optimizer.nope", "optimizer.momentum.deeper", "training.milestones.2", "training.milestones.-1", ".", ""],
)
def test_a_path_that_leads_nowhere_is_missing(path: str) -> None:
    assert query_document(parse_document("config.yaml", TEXTS["config.yaml"]), path) is MISSING


def test_code_is_queried_by_line() -> None:
    assert parse_document("preprocessing.py", CODE) is MISSING
    assert query_lines(CODE, "standardscaler") == ["scaler = StandardScaler().fit(everything)"]
    assert query_lines(CODE, "tokenizer") is MISSING


def test_a_text_that_is_no_document_has_no_fields() -> None:
    assert parse_document("config.yaml", "a: [") is MISSING
    assert parse_document("model_card.json", "{") is MISSING
