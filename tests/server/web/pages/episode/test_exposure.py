"""Which lines an agent was shown, and when."""

from __future__ import annotations

import json

import pytest

from domain.episode.observation import EvidenceView
from domain.events import ArtifactRead, CheckRun, Event, FieldQueried
from domain.scenario import Scenario
from server.web.pages.episode.exposure import find_field, line_exposure
from tests.hand_made import CONFIG, TEXTS


def read(artifact: str, log_filter: str | None = None) -> ArtifactRead:
    return ArtifactRead.model_validate({"artifact": artifact, "log_filter": log_filter, "observation_digest": ""})


def query(artifact: str, field: str) -> FieldQueried:
    return FieldQueried.model_validate({"artifact": artifact, "field": field, "observation_digest": ""})


def found(text: str, field: str) -> list[str]:
    lines = text.rstrip("\n").split("\n")
    return [lines[at] for at in find_field(lines, field)]


def test_a_whole_read_shows_every_line_and_the_first_step_counts() -> None:
    events: list[Event] = [CheckRun(check="data_leakage", observation_digest=""), read("train.log"), read("train.log")]
    exposure = line_exposure(TEXTS, events)
    assert set(exposure["train.log"]) == {1}
    assert set(exposure["config.yaml"]) == {None}


def test_a_filter_shows_the_lines_it_keeps() -> None:
    exposure = line_exposure(
        TEXTS, [read("train.log", "epoch:2"), read("train.log", "EPOCH"), query("train.log", "disk")]
    )
    assert exposure["train.log"] == (None, 1, 0, 1, 2)


@pytest.mark.parametrize(
    ("field", "lines"),
    [
        ("optimizer.momentum", ["  momentum: 0.9"]),
        ("run_id", ["run_id: run-0a1b2c3d"]),
        ("training", ["training:", "  shuffle: true", "  milestones: [5, 8]", "  started: 2024-01-01"]),
        ("training.milestones[0]", ["  milestones: [5, 8]"]),
    ],
)
def test_a_field_of_yaml_is_found(field: str, lines: list[str]) -> None:
    assert found(CONFIG, field) == lines


@pytest.mark.parametrize(
    ("field", "lines"),
    [
        ("splits.val.n_rows", ['   "n_rows": 2']),
        ("splits.val", ['  "val": {', '   "n_rows": 2', "  }"]),
        ("classes[1]", ['  "b"']),
        ("classes.0", ['  "a",']),
        ("a.b.c", ['  "c": 4']),
        ("rows", [' "rows": 690,']),
    ],
)
def test_a_field_of_json_is_found(field: str, lines: list[str]) -> None:
    document = {
        "rows": 690,
        "classes": ["a", "b"],
        "splits": {"train": {"n_rows": 5}, "val": {"n_rows": 2}},
        "a.b": {"c": 4},
    }
    assert found(json.dumps(document, indent=1), field) == lines


def test_what_a_query_shows_is_marked_wherever_it_is_answered(scenario: Scenario, view: EvidenceView) -> None:
    field = "optimizer.momentum"
    assert view.has_field("config.yaml", field)
    assert [
        step for step in line_exposure(TEXTS, [query("config.yaml", field)])["config.yaml"] if step is not None
    ] == [0]


def test_a_digit_of_another_script_is_no_index() -> None:
    assert list(find_field(["- a", "- b"], "\u00b2")) == []
    assert list(find_field(["- a", "- b"], "\u0661")) == []
    assert list(find_field(["- a", "- b"], "1")) == [1]
