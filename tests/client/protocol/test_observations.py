"""The client's models are the server's published schema; what they are built from comes back."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mlops_debug_env.protocol.actions import (
    Action,
    PatchEntry,
    QueryArtifact,
    ReadArtifact,
    ReadLogs,
    RunExperiment,
    SubmitDiagnosis,
    action_schema,
    parse_action,
)
from mlops_debug_env.protocol.observations import EpisodeState, Observation, ResetObservation
from mlops_debug_env.runner.event_actions import recorded_action
from server.web.schemas import published_schemas

CHANGE = {"file": "config.yaml", "field": "optimizer.momentum", "value": 0.5}


def test_the_schema_of_the_models_is_the_published_one() -> None:
    ours = {
        "action": action_schema(),
        "observation": Observation.model_json_schema(),
        "reset_observation": ResetObservation.model_json_schema(),
        "state": EpisodeState.model_json_schema(),
    }
    assert ours == published_schemas()


def test_an_action_is_sent_without_what_was_not_said() -> None:
    assert ReadLogs(log_filter="epoch:1-3").to_wire() == {"action_type": "read_logs", "log_filter": "epoch:1-3"}
    patch = (PatchEntry(file="config.yaml", field="training.gradient_clip_norm", value=None),)
    assert SubmitDiagnosis(patch=patch, confidence=0.5).to_wire() == {
        "action_type": "submit_diagnosis",
        "patch": [{"file": "config.yaml", "field": "training.gradient_clip_norm", "value": None}],
        "confidence": 0.5,
    }


def test_an_experiment_is_sent_with_its_patch() -> None:
    assert RunExperiment().to_wire() == {"action_type": "run_experiment"}
    entry = PatchEntry(file="config.yaml", field="optimizer.momentum", value=0.5)
    assert RunExperiment(patch=(entry,)).to_wire()["patch"] == [entry.model_dump()]


@pytest.mark.parametrize(
    ("event", "action"),
    [
        (
            {"kind": "experiment", "payload": {"patch": [CHANGE], "number": 1, "result": {}}},
            RunExperiment(patch=(PatchEntry.model_validate(CHANGE),)),
        ),
        (
            {"kind": "refuse", "payload": {"artifact": None, "field": None, "patch": [], "text": None}},
            RunExperiment(patch=()),
        ),
        (
            {"kind": "refuse", "payload": {"artifact": "train.py", "field": None, "patch": None, "text": None}},
            ReadArtifact(artifact_name="train.py"),
        ),
        (
            {"kind": "refuse", "payload": {"artifact": "config.yaml", "field": "a.b"}},
            QueryArtifact(artifact_name="config.yaml", field_path="a.b"),
        ),
    ],
)
def test_a_recorded_event_names_its_action_in_every_schema_version(event: dict[str, Any], action: Action) -> None:
    assert recorded_action(event) == action


def test_an_action_may_be_a_dict() -> None:
    wanted = QueryArtifact(artifact_name="config.yaml", field_path="optimizer")
    assert parse_action(wanted.to_wire()) == wanted == parse_action(wanted)


@pytest.mark.parametrize(
    "action",
    [
        {},
        {"action_type": "drop_tables"},
        {"action_type": "read_config", "log_filter": "x"},
        {"action_type": "read_artifact", "artifact_name": "config.yaml", "log_filter": "epoch:1"},
        {"action_type": "submit_diagnosis", "confidence": 1.5},
        {"action_type": "submit_diagnosis", "patch": []},
    ],
)
def test_an_action_that_the_schema_does_not_allow_is_refused(action: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        parse_action(action)


def test_of_an_invalid_action_only_the_digest_is_recorded() -> None:
    refused = {"artifact": None, "field": None, "patch": None, "reason": "invalid_action", "sent_digest": "5e1f"}
    assert recorded_action({"kind": "refuse", "payload": refused}) is None
