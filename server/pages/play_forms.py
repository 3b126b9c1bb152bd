"""Forms of the play page as the requests they stand for. What a form may hold is judged where every request is."""

from __future__ import annotations

import json
from typing import Any, Mapping

from pydantic_core import to_json

from server.requests import ResetRequest, decode_reset

_TEXTS = ("artifact_name", "log_filter", "field_path", "sanity_check_type")
_DIAGNOSIS = ("failure_category", "root_cause_file", "root_cause_field", "diagnosis", "proposed_fix")


def reset_of(form: Mapping[str, str]) -> ResetRequest:
    """A new episode; raises pydantic's ValidationError."""
    seed = form.get("seed", "").strip()
    wanted = {
        "task_id": form.get("task_id") or None,
        "agent": form.get("agent", "").strip() or "a person",
        "seed": int(seed) if seed.isascii() and seed.isdigit() and len(seed) < 20 else (seed or None),
    }
    return decode_reset(to_json(wanted))


def action_of(form: Mapping[str, str], file_of: Mapping[str, str]) -> dict[str, Any]:
    """The action as an agent would send it; a blank field is not sent. ``file_of``: where the registry has a field."""
    action: dict[str, Any] = {"action_type": form.get("action_type", "")}
    names = _DIAGNOSIS if action["action_type"] == "submit_diagnosis" else _TEXTS
    action |= {name: form[name].strip() for name in names if form.get(name, "").strip()}
    if action["action_type"] == "submit_diagnosis":
        action |= _patch(form, file_of) | _confidence(form)
    return action


def _patch(form: Mapping[str, str], file_of: Mapping[str, str]) -> dict[str, Any]:
    field = form.get("patch_field", "").strip()
    if not field:
        return {}
    file = file_of.get(field) or form.get("root_cause_file", "").strip()
    return {"patch": [{"file": file, "field": field, "value": _value(form.get("patch_value", "").strip())}]}


def _value(text: str) -> Any:
    """``0.1``, ``true`` and ``null`` are what they look like; everything else is text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if value is None or isinstance(value, bool | int | float) else text


def _confidence(form: Mapping[str, str]) -> dict[str, Any]:
    text = form.get("confidence", "").strip()
    try:
        return {"confidence": float(text) / 100} if text else {}
    except ValueError:
        return {"confidence": text}  # refused with a reason, where every action is
