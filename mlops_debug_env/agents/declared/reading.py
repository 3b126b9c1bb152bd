"""What a run declares, read from the texts of its artifacts. What cannot be read is missing, never an error."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from mlops_debug_env.agents.declared.history import CHANGES, named_in, undone, versions_of
from mlops_debug_env.agents.declared.log import LOG, parse_log
from mlops_debug_env.agents.declared.settings import Settings, Value

CALLS: Mapping[str, tuple[str, str, str]] = {
    "split.by": ("preprocessing.py", "split", "by"),
    "split.groups": ("preprocessing.py", "split", "groups"),
    "imputer.fill": ("preprocessing.py", "imputer", "fill"),
    "evaluation.label_order": ("preprocessing.py", "evaluation", "label_order"),
    "evaluation.validation_ids": ("preprocessing.py", "evaluation", "validation_ids"),
    "evaluation.sources": ("preprocessing.py", "evaluation", "sources"),
    "loader.shuffle": ("train.py", "loader", "shuffle"),
    "class_weights.order": ("train.py", "class_weights", "order"),
    "loss.divide_by": ("train.py", "loss", "divide_by"),
}
"""Declaration to file, function of the library and keyword."""
MOMENTS = ("event", "export")


@dataclass(slots=True)
class Declared:
    """The declarations of a run."""

    facts: dict[str, Value] = field(default_factory=dict)
    """Path to value."""
    sources: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    months: tuple[str, ...] = ()
    """Labelled months, and the one after them, as the windows of the sources have them."""
    joined: tuple[str, ...] = ()
    """Columns that come from the second table."""
    label_maps: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Name of a map to its classes, by code."""
    changed: dict[str, Value] | None = None
    """Declarations that changed since the last good run, with their value before; None: not known."""
    touched: set[str] = field(default_factory=set)
    """Declarations of files that were not read, of which a change is known without its value."""

    def text(self, path: str) -> str:
        return str(self.facts.get(path))

    def number(self, path: str, default: float) -> float:
        value = self.facts.get(path)
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default


def read_declarations(texts: Mapping[str, str]) -> Declared:
    """The declarations in the texts that were read so far."""
    found = _declarations(texts)
    if CHANGES in texts:
        _take_changes(found, texts)
    return found


def _declarations(texts: Mapping[str, str]) -> Declared:
    found = Declared()
    versions = parse_log(texts.get(LOG, ""))["versions"]
    found.facts |= {f"environment.{library}": version for library, version in versions.items()}
    _take_config(found, texts.get("config.yaml", ""))
    _take_sources(found, texts.get("data_sources.yaml", ""))
    for file in ("preprocessing.py", "train.py"):
        if file in texts:
            _take_code(found, file, texts[file])
    return found


def _take_changes(found: Declared, texts: Mapping[str, str]) -> None:
    """Compare with the declarations that undoing the changes gives; versions show in the changes themselves."""
    diff = texts[CHANGES]
    earlier = _declarations(undone({name: text for name, text in texts.items() if name != CHANGES}, diff)).facts
    before, after = versions_of(diff)
    for path, version in after.items():
        found.facts.setdefault(path, version)
    # In the order of the files: what is looked at first must not depend on the order of a set.
    found.changed = {
        path: earlier[path] for path in found.facts if path in earlier and earlier[path] != found.facts[path]
    }
    found.touched = {
        path
        for file in {file for file, _, _ in CALLS.values()} - texts.keys()
        for path in named_in(
            diff,
            file,
            {path: (name, f"{call}_{name}".upper()) for path, (own, call, name) in CALLS.items() if own == file},
        )
    }
    found.changed |= {path: before[path] for path in before if path in after and before[path] != after[path]}


def parse_report(text: str | None) -> dict[str, Any]:
    """The numbers of a JSON file; empty where it is none."""
    try:
        found = json.loads(text or "")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def parse_yaml(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _take_config(found: Declared, text: str) -> None:
    document = parse_yaml(text)
    for section, values in (document if isinstance(document, dict) else {}).items():
        if isinstance(values, dict):
            for name, value in values.items():
                found.facts[f"{section}.{name}"] = str(value) if section == "environment" else value


def _take_sources(found: Declared, text: str) -> None:
    document = parse_yaml(text)
    if not isinstance(document, dict):
        return
    sources = document.get("sources") or {}
    found.sources = tuple(sources)
    windows = re.findall(r"\d{4}-\d\d", json.dumps([parts.get("window") for parts in sources.values()], default=str))
    found.months = _months(min(windows), max(windows)) if windows else ()
    for source, parts in sources.items():
        for name, value in parts.items():
            if name == "columns":
                found.columns = tuple(value)
                for column, settings in value.items():
                    found.facts |= {f"sources.{source}.columns.{column}.{one}": each for one, each in settings.items()}
            elif not isinstance(value, (dict, list)):
                found.facts[f"sources.{source}.{name}"] = value
    join = document.get("join") or {}
    keys = join.get("keys")
    found.facts["join.keys"] = ", ".join(map(str, keys)) if isinstance(keys, list) else keys
    found.facts["join.how"] = join.get("how")
    found.joined = tuple(join.get("columns") or ())
    found.facts["labels.maturity_months"] = (document.get("labels") or {}).get("maturity_months")
    for name, codes in (document.get("label_maps") or {}).items():
        found.label_maps[str(name)] = _classes_by_code(codes)


def _months(first: str, last: str) -> tuple[str, ...]:
    start, end = (int(month[:4]) * 12 + int(month[5:]) - 1 for month in (first, last))
    return tuple(f"{place // 12}-{place % 12 + 1:02d}" for place in range(start, end + 1))


def _classes_by_code(codes: Any) -> tuple[str, ...]:
    if isinstance(codes, list):
        return tuple(map(str, codes))
    pairs = [(code, name) if str(code).isdigit() else (name, code) for code, name in codes.items()]
    return tuple(str(name) for _, name in sorted((int(code), name) for code, name in pairs))


def _take_code(found: Declared, file: str, text: str) -> None:
    settings = Settings(text)
    for path, (own, call, keyword) in CALLS.items():
        if own == file:
            found.facts[path] = settings.value(keyword, call)
    if file == "preprocessing.py":
        moments = settings.by_member(MOMENTS)
        found.facts |= {f"features.{column}.as_of": moments[column] for column in found.columns if column in moments}
