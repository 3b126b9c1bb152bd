"""The kinds of events, with every field of their payloads."""

from __future__ import annotations

from types import MappingProxyType, NoneType
from typing import Annotated, Any, Iterator, Literal, Mapping, get_args, get_origin

from pydantic import BaseModel

from domain.diagnosis import Diagnosis, PatchEntry, Reported, TextEdit
from domain.events import EVENT_TYPES, UPCASTERS, DiagnosisSubmitted, Event
from domain.grading.stored_submission import StoredEntry, StoredSubmission
from server.web.openapi.response_models import RecordedEvent
from upkeep.reference.documented import documented_fields
from upkeep.reference.markdown import table

_PARTS: tuple[type[BaseModel], ...] = (StoredEntry, Diagnosis, PatchEntry, TextEdit, Reported)

_WORDS: Mapping[Any, str] = MappingProxyType(
    {NoneType: "null", Any: "object", str: "text", int: "integer", float: "number", bool: "boolean"}
)


def render() -> str:
    head = "What is recorded. [concepts.md](../explanation/concepts.md) says how events are used, [audit.md](../explanation/audit.md) what they prove.\n\n"
    kinds = table(
        ("kind", "schema version", "fact"),
        ((f"`{each.kind}`", str(each.schema_version), each.__doc__ or "") for each in EVENT_TYPES),
    )
    steps = table(
        ("kind", "from", "to", "how"),
        (
            (f"`{kind}`", str(version), str(version + 1), upcaster.__doc__ or "")
            for (kind, version), upcaster in UPCASTERS.items()
        ),
    )
    envelope = _fields(RecordedEvent)
    return (
        f"{head}{kinds}\n## Around every payload\n\n{envelope}\n"
        + "".join(f"## `{each.kind}`\n\n{each.__doc__}\n\n{_fields(_stored(each))}\n" for each in EVENT_TYPES)
        + "".join(f"## {each.__name__}\n\n{each.__doc__}\n\n{_fields(each)}\n" for each in _PARTS)
        + f"## Old shapes\n\nUpgraded when they are read; what was recorded stays as it is.\n\n{steps}"
    )


def _stored(event: type[Event]) -> type[BaseModel]:
    """The fields of the payload."""
    return StoredSubmission if event is DiagnosisSubmitted else event


def _fields(owner: type[BaseModel]) -> str:
    declared = {each.name: each for line in reversed(owner.__mro__) for each in _own(line)}
    rows = ((f"`{name}`", f"`{_type(owner, name)}`", declared[name].description) for name in owner.model_fields)
    return table(("field", "type", "meaning"), rows)


def _own(line: type) -> Iterator[Any]:
    if issubclass(line, BaseModel) and line is not BaseModel:
        yield from documented_fields(line)


def _type(owner: type[BaseModel], name: str) -> str:
    return _shown(owner.model_fields[name].annotation)


def _shown(annotation: Any) -> str:
    """In the words of JSON."""
    if annotation in _WORDS:
        return _WORDS[annotation]
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin in (tuple, list):
        return f"list of {_shown(parts[0])}"
    if origin is dict:
        return "object"
    if origin is Literal:
        return " or ".join(str(each) for each in parts)
    if origin is Annotated:
        return _shown(parts[0])
    return " or ".join(dict.fromkeys(_shown(each) for each in parts)) or getattr(annotation, "__name__", "object")
