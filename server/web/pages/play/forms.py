"""Turns forms of the play page into the requests of the API, which are validated like any other request."""

from __future__ import annotations

import json
import re
from typing import Any, Iterable, Mapping

from pydantic_core import to_json

from server.episodes.commands import ResetRequest
from server.web.problem_details import Problem
from server.web.request_body import decode_reset

_TEXTS = ("artifact_name", "log_filter", "field_path", "sanity_check_type")
_DIAGNOSIS = ("failure_category", "root_cause_file", "root_cause_field", "diagnosis", "proposed_fix")
_PATCH = ("patch_field", "patch_value")
_EDIT = ("edit_file", "edit_find", "edit_replace")
_EDITS = ("", "_b")
"""Suffixes of the field names of each edit, before that of the entry."""
_ENTRIES = ("", "_2")
"""Suffixes of the field names of each entry."""
_NAME = re.compile(r"\\\{\w+\\\}")
"""A name in braces, in an escaped pattern."""
_BRACKETS = re.compile(r"""\[\s*["']?([^\]"']+)["']?\s*\]""")


def parse_reset_form(form: Mapping[str, str]) -> ResetRequest:
    """The request for a new episode; raises pydantic's ValidationError."""
    seed = form.get("seed", "").strip()
    wanted = {
        "task_id": form.get("task_id") or None,
        "agent": form.get("agent", "").strip() or "a person",
        "seed": int(seed) if seed.isascii() and seed.isdigit() and len(seed) < 20 else (seed or None),
    }
    return decode_reset(to_json(wanted))


class FilesOfFields:
    """The file of each field of a registry; a field may be a pattern with names of the run in braces."""

    def __init__(self, registry: Iterable[Mapping[str, Any]]) -> None:
        self.fields = [(str(each["field"]), str(each["file"])) for each in registry]
        self._patterns = [(re.compile(_NAME.sub("[^.]+", re.escape(field))), file) for field, file in self.fields]

    def get(self, field: str) -> str | None:
        """The file of a field, written out; None: the registry has no such field."""
        plain = _BRACKETS.sub(r".\1", field)
        return next((file for pattern, file in self._patterns if pattern.fullmatch(plain)), None)

    def nearest(self, field: str) -> str:
        """The file of the fields that begin like an unknown one: the refusal names it."""
        first = field.split(".")[0]
        return next((file for known, file in self.fields if known.split(".")[0] == first), "config.yaml")


def parse_action_form(form: Mapping[str, str], file_of: FilesOfFields) -> dict[str, Any]:
    """The action as an agent would send it, without blank fields; raises ``Problem`` if a fix is given twice."""
    action: dict[str, Any] = {"action_type": form.get("action_type", "")}
    if action["action_type"] == "run_experiment":
        return action | {"patch": [change for suffix in _ENTRIES for change in _changes(form, file_of, suffix)]}
    if action["action_type"] != "submit_diagnosis":
        return action | {name: form[name].strip() for name in _TEXTS if form.get(name, "").strip()}
    if not form.get("is_list"):
        return action | _entry(form, file_of, "")
    entries = [entry for suffix in _ENTRIES if (entry := _entry(form, file_of, suffix))]
    if form.get("nothing"):
        return action | {"diagnoses": []}
    # Without an entry the action is refused, and the error explains how to submit that nothing is wrong.
    return action | ({"diagnoses": entries} if entries else {})


def _changes(form: Mapping[str, str], file_of: FilesOfFields, suffix: str) -> list[dict[str, Any]]:
    """The entry of a patch of an experiment; none where its field is blank."""
    own = {name: form.get(name + suffix, "").strip() for name in _PATCH}
    patch: list[dict[str, Any]] = _patch({**own, "root_cause_file": file_of.nearest(own["patch_field"])}, file_of).get(
        "patch", []
    )
    return patch


def _entry(form: Mapping[str, str], file_of: FilesOfFields, suffix: str) -> dict[str, Any]:
    """One diagnosis; ``suffix`` distinguishes the fields of the second one."""
    own = {name: form.get(name + suffix, "").strip() for name in (*_DIAGNOSIS, *_PATCH, "confidence")}
    given = {name: own[name] for name in _DIAGNOSIS if own[name]} | _patch(own, file_of) | _edits(form, suffix)
    return given | _confidence(own)


def _edits(form: Mapping[str, str], suffix: str) -> dict[str, Any]:
    """The fix as edits of files or as a diff, with its spaces: they are part of it. Raises ``Problem`` if both are given."""
    edits = [edit for each in _EDITS if (edit := _edit(form, each + suffix))]
    diff = _text(form, "edit_diff" + suffix)
    if edits and diff.strip():
        raise Problem(422, "invalid", "The edits are given twice", "Give them as texts to find or as a diff, not both.")
    if diff.strip():
        return {"edits": diff}
    return {"edits": edits} if edits else {}


def _edit(form: Mapping[str, str], suffix: str) -> dict[str, str]:
    """One edit; empty where neither a text to find nor one to put there is given."""
    file, find, replace = (_text(form, name + suffix) for name in _EDIT)
    return {"file": file, "find": find, "replace": replace} if find.strip() or replace.strip() else {}


def _text(form: Mapping[str, str], name: str) -> str:
    """The text of a field with the line ends of files: browsers send others."""
    return form.get(name, "").replace("\r\n", "\n")


def _patch(own: Mapping[str, str], file_of: FilesOfFields) -> dict[str, Any]:
    field = own["patch_field"]
    if not field:
        return {}
    file = file_of.get(field) or own["root_cause_file"]
    return {"patch": [{"file": file, "field": field, "value": _value(own["patch_value"])}]}


def _value(text: str) -> Any:
    """The JSON value of ``0.1``, ``true`` and ``null``; all other input is text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if value is None or isinstance(value, bool | int | float) else text


def _confidence(own: Mapping[str, str]) -> dict[str, Any]:
    text = own["confidence"]
    try:
        return {"confidence": float(text) / 100} if text else {}
    except ValueError:
        return {"confidence": text}  # the validation of actions refuses it with a reason
