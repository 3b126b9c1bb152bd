"""Answers a query from the same text the agent can read: a field of a document, or the matching lines of code and log."""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Final

import yaml

from domain.types import ArtifactName

MISSING: Final = object()
"""Sentinel for a missing field; distinct from a field whose value is None."""

_EPOCH_FILTER = re.compile(r"epoch:\s*([0-9]{1,9})(?:\s*-\s*([0-9]{1,9}))?")
_EPOCH_OF_LINE = re.compile(r"\bepoch[ =:]*0*([0-9]{1,9})\b")
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


def has_blocks(document: Any) -> bool:
    """Whether a document is a table of contents beside the blocks that it lists, which are read one at a time."""
    return (
        isinstance(document, dict)
        and document.keys() == {"contents", "blocks"}
        and isinstance(document["blocks"], dict)
    )


def filter_lines(text: str, log_filter: str) -> list[str]:
    """The lines that a filter keeps, in order. ``epoch:3`` and ``epoch:2-5`` keep lines that name such an epoch."""
    wanted = log_filter.strip().lower()
    keeps = _keeps_epochs(wanted) or (lambda line: wanted in line)
    return [line for line in text.split("\n") if line and keeps(line.lower())]


def _keeps_epochs(wanted: str) -> Callable[[str], bool] | None:
    """A predicate for lower-case lines; None: the filter is a plain keyword."""
    parsed = _EPOCH_FILTER.fullmatch(wanted)
    if parsed is None:
        return None
    first = int(parsed[1])
    last = int(parsed[2]) if parsed[2] is not None else first

    def keeps(line: str) -> bool:
        named = _EPOCH_OF_LINE.search(line)
        return named is not None and first <= int(named[1]) <= last

    return keeps


def query_lines(text: str, field: str) -> Any:
    """The lines of code or log that match, or ``MISSING`` where none does.

    Where no line has a dotted name such as ``split.by`` as it stands, the lines that have its last part as a word.
    """
    lines = filter_lines(text, field)
    _, dot, last = field.strip().rpartition(".")
    if not lines and dot and last.isidentifier():
        word = re.compile(rf"(?i)(?<![a-z0-9]){re.escape(last)}(?![a-z0-9_])")
        lines = [line for line in text.splitlines() if word.search(line)]
    return lines or MISSING


def query_document(document: Any, field: str) -> Any:
    """The value at a path of keys and list indices joined by dots, of a document with blocks the block of that name, or ``MISSING``."""
    if has_blocks(document):
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
