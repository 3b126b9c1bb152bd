"""The action that a recorded event came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops_debug_env.protocol.actions import Action, parse_action


def recorded_action(event: Mapping[str, Any]) -> Action | None:
    """An equivalent action; None: the event was not caused by an action, or by an invalid one."""
    payload = event["payload"] or {}
    match event["kind"]:
        case "read":
            asked = {"artifact_name": payload["artifact"], "log_filter": payload["log_filter"]}
            return parse_action({"action_type": "read_artifact", **asked})
        case "experiment":
            return parse_action({"action_type": "run_experiment", "patch": payload["patch"]})
        case "refuse" if payload.get("sent_digest") is not None:
            return None  # only its digest is recorded
        case "refuse" if payload.get("patch") is not None:
            return parse_action({"action_type": "run_experiment", "patch": payload["patch"]})
        case "refuse" if payload["field"] is None:
            return parse_action({"action_type": "read_artifact", "artifact_name": payload["artifact"]})
        case "query" | "refuse":
            asked = {"artifact_name": payload["artifact"], "field_path": payload["field"]}
            return parse_action({"action_type": "query_artifact", **asked})
        case "check":
            return parse_action({"action_type": "run_sanity_check", "sanity_check_type": payload["check"]})
        case "submit":
            return parse_action({"action_type": "submit_diagnosis", **_submitted(payload)})
        case _:
            return None


def _submitted(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The submitted diagnoses. Events before schema version 3 have one; later ones of the expert task have ``missed``."""
    if "entries" not in payload:
        return dict(payload["diagnosis"])
    said = [entry["diagnosis"] for entry in payload["entries"]]
    return dict(said[0]) if payload.get("missed") is None else {"diagnoses": said}
