"""The columns of each export with their types, so that no reader has to guess: a column may be null in the first 20 MB of a file.

A type is a name of Arrow's, a list of one type, or members by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType, NoneType
from typing import Any, get_args

from mlops_debug_env.exports.formats import What
from mlops_debug_env.runner.records import EpisodeResult

ColumnType = str | tuple["ColumnType"] | Mapping[str, "ColumnType"]
Columns = Mapping[str, ColumnType]

_TEXT, _INTEGER, _NUMBER, _TRUTH = "string", "int64", "float64", "bool"
_OF_PYTHON: Mapping[Any, str] = {str: _TEXT, int: _INTEGER, float: _NUMBER, bool: _TRUTH}
_CALL: Columns = {"id": _TEXT, "type": _TEXT, "function": {"name": _TEXT, "arguments": _TEXT}}
_MESSAGES: ColumnType = ({"role": _TEXT, "content": _TEXT, "tool_calls": (_CALL,), "tool_call_id": _TEXT},)


def _of_annotation(annotation: Any) -> str:
    """The type of a field of a result: a scalar or one of several words, perhaps None."""
    if annotation in _OF_PYTHON:
        return _OF_PYTHON[annotation]
    parts = {_of_annotation(type(each) if isinstance(each, str) else each) for each in _without_none(annotation)}
    (found,) = parts
    return found


def _without_none(annotation: Any) -> list[Any]:
    return [each for each in get_args(annotation) if each is not NoneType]


_RESULTS: Columns = {name: _of_annotation(field.annotation) for name, field in EpisodeResult.model_fields.items()}
COLUMNS: Mapping[What, Columns] = MappingProxyType(
    {
        "results": _RESULTS,
        "chat": {
            **{
                name: _RESULTS[name]
                for name in ("episode_id", "run_id", "agent", "model", "task_id", "seed", "trial", "fault_id", "score")
            },
            "reward": _NUMBER,
            "is_right": _TRUTH,
            "messages": _MESSAGES,
            "tools": _TEXT,
        },
        "preference": {
            **{name: _RESULTS[name] for name in ("entry", "task_id", "seed", "fault_id")},
            "prompt": _MESSAGES,
            "chosen": _MESSAGES,
            "rejected": _MESSAGES,
            "chosen_score": _NUMBER,
            "rejected_score": _NUMBER,
            "chosen_episode_id": _TEXT,
            "rejected_episode_id": _TEXT,
            "tools": _TEXT,
        },
        "events": {
            "run_id": _TEXT,
            "stream_id": _TEXT,
            "version": _INTEGER,
            "position": _INTEGER,
            "kind": _TEXT,
            "schema_version": _INTEGER,
            "recorded_at": _TEXT,
            "actor": _TEXT,
            "request_id": _TEXT,
            "payload_digest": _TEXT,
            "prev_hash": _TEXT,
            "hash": _TEXT,
            "payload": _TEXT,
        },
    }
)
"""In the order in which a row has them."""
