"""Which actions the published schema takes, and what they mean."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from domain.actions import (
    Action,
    QueryArtifact,
    ReadArtifact,
    RunExperiment,
    RunSanityCheck,
    SubmitDiagnosis,
    action_schema,
    decode_action,
)
from domain.diagnosis import Diagnosis, PatchEntry


def decode(**action: Any) -> Action:
    return decode_action(json.dumps(action)).meaning()


@pytest.mark.parametrize(
    ("action", "meaning"),
    [
        ({"action_type": "read_config"}, ReadArtifact("config.yaml")),
        ({"action_type": "check_dataset_stats"}, ReadArtifact("dataset_stats.json")),
        ({"action_type": "inspect_preprocessing"}, ReadArtifact("preprocessing.py")),
        ({"action_type": "read_eval_results"}, ReadArtifact("eval_results.json")),
        ({"action_type": "read_logs"}, ReadArtifact("train.log")),
        ({"action_type": "read_logs", "log_filter": "Epoch:2-5"}, ReadArtifact("train.log", "Epoch:2-5")),
        ({"action_type": "read_logs", "log_filter": "  "}, ReadArtifact("train.log")),
        ({"action_type": "read_artifact", "artifact_name": "model_card.json"}, ReadArtifact("model_card.json")),
        (
            {"action_type": "read_artifact", "artifact_name": "config.yaml", "log_filter": ""},
            ReadArtifact("config.yaml"),
        ),
        (
            {"action_type": "query_artifact", "artifact_name": "config.yaml", "field_path": "a.0.b"},
            QueryArtifact("config.yaml", "a.0.b"),
        ),
        (
            {"action_type": "run_sanity_check", "sanity_check_type": "class_balance"},
            RunSanityCheck("class_balance"),
        ),
        ({"action_type": "run_experiment"}, RunExperiment(())),
        ({"action_type": "run_experiment", "patch": []}, RunExperiment(())),
        (
            {"action_type": "run_experiment", "patch": [{"file": "config.yaml", "field": "a", "value": 1}]},
            RunExperiment((PatchEntry(file="config.yaml", field="a", value=1),)),
        ),
        ({"action_type": "submit_diagnosis"}, SubmitDiagnosis((Diagnosis(),))),
        ({"action_type": "submit_diagnosis", "diagnoses": []}, SubmitDiagnosis((), is_list=True)),
        (
            {"action_type": "submit_diagnosis", "diagnoses": [{"confidence": 0.5}, {}]},
            SubmitDiagnosis((Diagnosis(confidence=0.5), Diagnosis()), is_list=True),
        ),
    ],
)
def test_each_action_type_has_a_meaning(action: dict[str, Any], meaning: Action) -> None:
    decoded = decode(**action)
    if isinstance(decoded, SubmitDiagnosis) and isinstance(meaning, SubmitDiagnosis):
        assert [each.model_dump() for each in decoded.diagnoses] == [each.model_dump() for each in meaning.diagnoses]
        assert decoded.is_list == meaning.is_list
    else:
        assert decoded == meaning


EVERY_PARAMETER_NULL = dict.fromkeys(
    ("artifact_name", "log_filter", "field_path", "sanity_check_type", *Diagnosis.model_fields, "diagnoses")
)


@pytest.mark.parametrize(
    "own",
    [
        {"action_type": "read_config"},
        {"action_type": "read_artifact", "artifact_name": "train.log"},
        {"action_type": "query_artifact", "artifact_name": "train.log", "field_path": "x"},
        {"action_type": "run_sanity_check", "sanity_check_type": "class_balance"},
        {"action_type": "run_experiment"},
        {"action_type": "submit_diagnosis", "confidence": 1},
    ],
)
def test_null_parameters_of_other_actions_count_as_absent(own: dict[str, Any]) -> None:
    with_nulls = decode(**{**EVERY_PARAMETER_NULL, **own, "metadata": {}})
    if isinstance(with_nulls, SubmitDiagnosis):
        assert with_nulls.diagnoses[0].confidence == 1.0
    else:
        assert with_nulls == decode(**own)


@pytest.mark.parametrize(
    "action",
    [
        {},
        [],
        "read_config",
        {"action_type": "read_everything"},
        {"action_type": "read_config", "log_filter": "x"},
        {"action_type": "run_experiment", "patch": [{"file": "a", "field": "b", "value": 1}] * 3},
        {"action_type": "run_experiment", "patch": [{"file": "a", "field": "b"}]},
        {"action_type": "run_experiment", "confidence": 0.5},
        {"action_type": "read_config", "unknown": None},
        {"action_type": "read_config", "metadata": None},
        {"action_type": "read_config", "metadata": {"request_id": "no spaces"}},
        {"action_type": "read_config", "metadata": {"request_id": "x" * 129}},
        {"action_type": "read_config", "metadata": {"expected_version": "1"}},
        {"action_type": "read_artifact"},
        {"action_type": "read_artifact", "artifact_name": None},
        {"action_type": "read_artifact", "artifact_name": "weights.bin"},
        {"action_type": "read_artifact", "artifact_name": "config.yaml", "log_filter": "x"},
        {"action_type": "query_artifact", "artifact_name": "config.yaml", "field_path": ""},
        {"action_type": "run_sanity_check", "sanity_check_type": "vibes"},
        {"action_type": "submit_diagnosis", "confidence": 1.01},
        {"action_type": "submit_diagnosis", "diagnoses": [{}, {}, {}]},
        {"action_type": "submit_diagnosis", "diagnoses": {}},
        {"action_type": "submit_diagnosis", "diagnoses": [{"confidence": 1.01}]},
        {"action_type": "submit_diagnosis", "diagnoses": [{"fault_id": "none"}]},
        {"action_type": "submit_diagnosis", "diagnoses": [{"diagnoses": []}]},
        {"action_type": "submit_diagnosis", "diagnoses": [], "confidence": 0.5},
        {"action_type": "submit_diagnosis", "confidence": "0.5"},
        {"action_type": "submit_diagnosis", "failure_category": "typo"},
        {"action_type": "submit_diagnosis", "diagnosis": "x" * 4001},
        {"action_type": "submit_diagnosis", "proposed_fix": "x" * 601},
        {"action_type": "submit_diagnosis", "root_cause_field": "x" * 301},
        {"action_type": "submit_diagnosis", "patch": []},
        {"action_type": "submit_diagnosis", "patch": [{"file": "a", "field": "b", "value": 1}] * 3},
        {"action_type": "submit_diagnosis", "patch": [{"file": "a", "field": "b"}]},
        {"action_type": "submit_diagnosis", "patch": [{"file": "a", "field": "b", "value": [1]}]},
        {"action_type": "submit_diagnosis", "patch": [{"file": "a", "field": "b", "value": float("inf")}]},
    ],
)
def test_what_the_schema_does_not_name_is_rejected(action: Any) -> None:
    with pytest.raises(ValidationError):
        decode_action(json.dumps(action))


def test_metadata_names_request_and_version_and_may_hold_more() -> None:
    decoded = decode_action(
        '{"action_type": "read_config", "metadata": {"request_id": "r-9", "expected_version": 3, "k": []}}'
    )
    assert (decoded.metadata.request_id, decoded.metadata.expected_version) == ("r-9", 3)


@pytest.mark.parametrize("value", [True, 3, 0.25, "train", None])
def test_patch_values_keep_their_type(value: Any) -> None:
    decoded = decode(action_type="submit_diagnosis", patch=[{"file": "a", "field": "b", "value": value}])
    assert isinstance(decoded, SubmitDiagnosis)
    assert decoded.diagnoses[0].patch is not None
    assert decoded.diagnoses[0].patch[0].value is value or decoded.diagnoses[0].patch[0].value == value
    assert type(decoded.diagnoses[0].patch[0].value) is type(value)


def test_schema_publishes_ten_actions_and_no_foreign_parameter() -> None:
    schema = action_schema()
    actions = {name: schema["$defs"][ref.rsplit("/", 1)[1]] for name, ref in schema["discriminator"]["mapping"].items()}
    assert len(actions) == 10
    assert set(actions["read_config"]["properties"]) == {"action_type", "metadata"}
    assert actions["read_config"]["additionalProperties"] is False


@pytest.mark.parametrize(
    "diagnoses", ["absent", None, [], [{}], [{"confidence": 0.5}, {}], [{}] * 3, [{"more": 1}], {}]
)
@pytest.mark.parametrize("beside", [{}, {"confidence": None}, {"confidence": 0.5}, {"patch": None}, {"diagnosis": ""}])
def test_schema_and_program_allow_the_same_lists_of_diagnoses(diagnoses: Any, beside: dict[str, Any]) -> None:
    action = {"action_type": "submit_diagnosis", **beside}
    if diagnoses != "absent":
        action["diagnoses"] = diagnoses
    fits = jsonschema.Draft202012Validator(action_schema()).is_valid(action)
    try:
        decode_action(json.dumps(action))
    except ValidationError:
        assert not fits
    else:
        assert fits
