"""Answers a query from the same text the agent can read: a field of a document, or the matching lines of code and log."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import yaml

from domain.episode.log_filter import filter_lines
from domain.types import ArtifactName

MISSING: Final = object()
"""Sentinel for a missing field; distinct from a field whose value is None."""

_INDEX = re.compile(r"\[([0-9]{1,6})\]")
_STRUCTURED: tuple[ArtifactName, ...] = (
    "config.yaml",
    "dataset_stats.json",
    "eval_results.json",
    "model_card.json",
    "data_sources.yaml",
    "data_slices.json",
    "previous_run.json",
)

# libyaml parses about ten times as fast; wheels of PyYAML carry it, a source build may not.
_FASTEST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _CoreLoader(_FASTEST):  # type: ignore[misc]
    """YAML 1.2's core types: 1e-05 is a number, a date is a string, ``on`` is a string."""

    yaml_implicit_resolvers: dict[str, Any] = {}


_CoreLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"(?:null|Null|NULL|~|)\Z"), ["n", "N", "~", ""])
_CoreLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF")
)
_CoreLoader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z"), list("-+0123456789")
)
_CoreLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?\Z"),
    list("-+.0123456789"),
)


def parse_document(artifact: ArtifactName, text: str) -> Any:
    """The parsed artifact, or ``MISSING`` for code, log and a text that is no document."""
    if artifact not in _STRUCTURED:
        return MISSING
    try:
        if artifact.endswith(".yaml"):
            return yaml.load(text, Loader=_CoreLoader)  # a subclass of the safe loader
        return json.loads(text, parse_constant=lambda _: None)
    except (yaml.YAMLError, ValueError):
        return MISSING


def is_warehouse(document: Any) -> bool:
    """Whether a document is a table of contents beside the blocks that it lists, which are read one at a time."""
    return (
        isinstance(document, dict)
        and document.keys() == {"contents", "blocks"}
        and isinstance(document["blocks"], dict)
    )


def query_lines(text: str, field: str) -> Any:
    """The lines of code or log that match, or ``MISSING`` where none does."""
    return filter_lines(text, field) or MISSING


def query_document(document: Any, field: str) -> Any:
    """The value at a path of keys and list indices joined by dots, of a warehouse the block of that name, or ``MISSING``."""
    if is_warehouse(document):
        return document["blocks"].get(field.strip(), MISSING)
    steps = _INDEX.sub(r".\1", field.strip()).split(".")
    value, at = document, 0
    while at < len(steps):
        value, taken = _descend(value, steps, at)
        if value is MISSING:
            return MISSING
        at += taken
    return value


def _descend(value: Any, steps: list[str], at: int) -> tuple[Any, int]:
    """The child one or more steps down, and how many steps its name took: a key may itself contain dots."""
    if isinstance(value, list):
        step = steps[at]
        is_index = step.isascii() and step.isdigit() and len(step) <= 6 and int(step) < len(value)
        return (value[int(step)] if is_index else MISSING), 1
    if isinstance(value, dict):
        for end in range(at + 1, len(steps) + 1):
            name = ".".join(steps[at:end])
            if name in value:
                return value[name], end - at
    return MISSING, 1
