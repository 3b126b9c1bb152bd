"""Artifacts that are JSON are written as `json` writes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.generator import generate
from domain.training.artifacts.json_text import indented

DOCUMENTS: tuple[dict[str, Any], ...] = (
    {},
    {"none": None, "true": True, "false": False, "integer": -3, "large": 2**70, "empty": [{}, [], ""]},
    {"numbers": [0.0, -0.0, 1e-07, 1e22, 0.1, 123456789.0, float("nan"), float("inf")]},
    {"text": 'quoted "text", a line\nbreak, ü, \x7f, \U0001f600', 'key "ü"': {"of": {"a": {"mapping": (1, (2,))}}}},
)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_text_is_that_of_json_with_an_indentation_of_one(document: dict[str, Any]) -> None:
    assert indented(document) == json.dumps(document, indent=1) + "\n"


def test_json_writes_the_artifacts_of_a_scenario_the_same_way() -> None:
    texts = generate("easy", 1).evidence.artifacts
    documents = [text for name, text in texts.items() if name.endswith(".json")]
    assert [json.dumps(json.loads(text), indent=1) + "\n" for text in documents] == documents != []
