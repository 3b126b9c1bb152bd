"""What a program can read of a scenario: its declarations and words, its numbers, and for each source and column its numbers.

Names and months become roles, so that what is learned on the names of one split holds on those of another.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from domain.scenario import Composition, Evidence, Truth
from domain.training.multi_source.agreements import UNTIL
from domain.training.multi_source.case import FAMILY, State, draw_case
from domain.training.pipeline import FieldValue
from domain.training.randomness import Floats

STATIC_ARTIFACTS = (
    "config.yaml",
    "preprocessing.py",
    "train.py",
    "data_sources.yaml",
    "changes.diff",
    "model_card.json",
)
_REPORTS = ("dataset_stats.json", "eval_results.json", "previous_run.json", "data_slices.json")
_TOKEN = re.compile(r"[A-Za-z_]\w*|\d+(?:\.\d+)?|[^\w\s]")
_IDS = re.compile(r"\b(?:run-|model-)?[0-9a-f]{7,}\b|\d{4}-\d\d-\d\d")
_SERIES = 6
"""A list of so many numbers is a series over months or epochs."""

Values = Mapping[str, float]
Vectors = Mapping[str, Floats]


class Names(NamedTuple):
    """What a scenario calls its sources, columns, classes and months."""

    sources: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    months: tuple[str, ...] = ()


class Declarations(NamedTuple):
    """All that a run of several sources declares, and which of it changed since the last good run."""

    now: Mapping[str, FieldValue]
    changed: Mapping[str, FieldValue]
    """Path to the value before, in the order of the diff."""


class Numbers(NamedTuple):
    """Numbers of the whole run, and for each source, each column and each column of a source."""

    scalars: Values
    by_source: Vectors
    by_column: Vectors
    by_pair: Vectors

    def values(self) -> dict[str, float]:
        """Everything as single numbers: of each vector its order statistics."""
        found = dict(self.scalars)
        for vectors in (self.by_source, self.by_column, self.by_pair):
            for key, vector in vectors.items():
                known = np.sort(vector[np.isfinite(vector)])
                if len(known):
                    top, second = known[-1], known[-2] if len(known) > 1 else known[-1]
                    low, next_low = known[0], known[1] if len(known) > 1 else known[0]
                    found |= {f"{key} max": top, f"{key} min": low, f"{key} median": float(np.median(known))}
                    found |= {f"{key} above": top - second, f"{key} below": next_low - low}
        return found


def names_of(truth: Truth | Composition) -> Names:
    """The names of a run of several sources; none of another."""
    if truth.pipeline.get("family") != FAMILY:
        return Names()
    layout = State.from_json(truth.pipeline).layout
    return Names(layout.source_names, layout.column_names, layout.classes, layout.months)


def declarations_of(truth: Truth | Composition) -> Declarations:
    """What config, code, data sources and diff declare, as a reader without mistakes would parse them."""
    if truth.pipeline.get("family") != FAMILY:
        return Declarations({}, {})
    state = State.from_json(truth.pipeline)
    case = draw_case(state.seed, state.split, tuple(sorted(one.fault_id for one in truth.planted if one.patch)))
    return Declarations(state.declared, {path: case.before.declared[path] for path in case.changed})


def pattern_of(path: str) -> str:
    """A path with ``{source}`` and ``{column}`` for names."""
    parts = path.split(".")
    if parts[0] == "sources":
        parts[1] = "{source}"
        if parts[2] == "columns":
            parts[3] = "{column}"
    elif len(parts) == 3 and parts[0] == "features":
        parts[1] = "{column}"
    return ".".join(parts)


def declared_values(found: Declarations, names: Names) -> dict[str, float]:
    """Counts of each value of each declaration, and of each change."""
    values: Counter[str] = Counter()
    for path, value in found.now.items():
        pattern = pattern_of(path)
        if pattern == "training.seed":
            continue
        values[f"{pattern} = {_role(value, names)}"] += 1
        if isinstance(value, (int, float)) and "{" not in pattern:
            values[pattern] = value  # type: ignore[assignment]
    for place, (path, before) in enumerate(found.changed.items()):
        pattern = pattern_of(path)
        values[f"changed {pattern}"] += 1
        values[f"changed {pattern} from {_role(before, names)}"] += 1
        values[f"changed {pattern} to {_role(found.now[path], names)}"] += 1
        values[f"place of {pattern}"] = place + 1
    if found.now:
        values |= {"changes": len(found.changed), "sources": len(names.sources), "classes": len(names.classes)}
    return {key: float(value) for key, value in values.items()}


def _role(value: FieldValue, names: Names) -> str:
    if value in names.months:
        return f"month {names.months.index(str(value))}"
    if isinstance(value, str) and UNTIL in value:
        return "unit, then another"
    return "one source" if value in names.sources else str(value)


def words(texts: Sequence[str], names: Names) -> frozenset[str]:
    """Lines, tokens and pairs of tokens, with roles for names and orders of magnitude for numbers."""
    roles = dict.fromkeys(names.sources, "SOURCE") | dict.fromkeys(names.columns, "COLUMN")
    roles |= dict.fromkeys(names.classes, "CLASS")
    roles |= {name: f"MONTH{place}" for place, name in enumerate(names.months)}
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(one)}(?!\w)" for one in sorted(roles, key=len, reverse=True)))
    found: set[str] = set()
    for text in texts:
        text = _IDS.sub("ID", text)
        text = pattern.sub(lambda match: roles[match[0]], text) if roles else text
        tokens = [_magnitude(token) for token in _TOKEN.findall(text)]
        found.update(tokens)
        found.update(f"{one} {two}" for one, two in zip(tokens, tokens[1:], strict=False))
        found.update(line.strip() for line in text.splitlines())
    return frozenset(found)


def _magnitude(token: str) -> str:
    return f"{float(token):.0e}" if token[0].isdigit() else token


def check_numbers(evidence: Evidence, names: Names) -> Numbers:
    """What the checks measured; of checks that judge also flags and reasons."""
    document: dict[str, Any] = {}
    for name, result in evidence.checks.items():
        document[name] = dict(result.measured)
        if result.flag is not None:
            document[name] |= {"flag": int(result.flag)} | {reason.split(" ")[0]: 1 for reason in result.reasons or ()}
    return _numbers(document, names)


def report_numbers(evidence: Evidence, names: Names) -> Numbers:
    """The numbers of the other artifacts that are computed from the run."""
    document: dict[str, Any] = {}
    for name in _REPORTS:
        text = evidence.artifacts.get(name)  # type: ignore[call-overload]
        if text is not None:
            body = json.loads(text)
            document[name] = (
                {tuple(key.split(".")): block for key, block in body["blocks"].items() if not _is_repeated(key, names)}
                if set(body) == {"contents", "blocks"}
                else body
            )
    document["log"] = [
        float(one) for one in re.findall(r"val_loss=(\d+\.\d+)", evidence.artifacts.get("train.log", ""))
    ]
    return _numbers(document, names)


def _is_repeated(key: str, names: Names) -> bool:
    """Whether a block shows again what those of the columns and classes of the sources do."""
    first, _, rest = key.partition(".")
    is_month = re.fullmatch(r"\d{4}-\d\d", rest) is not None
    return is_month or (first == "all" and (rest in names.columns or rest == "classes"))


def _numbers(document: Any, names: Names) -> Numbers:
    size, width = len(names.sources), len(names.columns)
    scalars: dict[str, float] = {}
    groups = [
        defaultdict[str, Floats](lambda size=size: np.full(size, np.nan)),  # type: ignore[misc]
        defaultdict[str, Floats](lambda size=width: np.full(size, np.nan)),  # type: ignore[misc]
        defaultdict[str, Floats](lambda size=size * width: np.full(size, np.nan)),  # type: ignore[misc]
    ]
    for path, value in _leaves(document, (), names):
        sources = [names.sources.index(key) for key in path if key in names.sources]
        columns = [names.columns.index(key) for key in path if key in names.columns]
        key = " ".join("month" if one in names.months else one for one in path if not _is_name(one, names))
        match (sources, columns):
            case ([], []):
                scalars[key] = value
            case ([source, *_], []):
                groups[0][key][source] = value
            case ([], [column, *_]):
                groups[1][key][column] = value
            case ([source, *_], [column, *_]):
                groups[2][key][source * width + column] = value
    return Numbers(scalars, *(dict(vectors) for vectors in groups))


def _is_name(key: str, names: Names) -> bool:
    return key in names.sources or key in names.columns


def _leaves(node: Any, path: tuple[str, ...], names: Names) -> Iterator[tuple[tuple[str, ...], float]]:
    """Every number, with the keys that lead to it; classes by their place, series by their course."""
    if isinstance(node, bool) or node is None or isinstance(node, str):
        return
    if isinstance(node, (int, float)):
        yield path, float(node)
    elif isinstance(node, dict):
        for key, below in node.items():
            keys = (
                key
                if isinstance(key, tuple)
                else (f"class {names.classes.index(key)}",)
                if key in names.classes
                else (key,)
            )
            yield from _leaves(below, (*path, *keys), names)
    elif node and all(one is None or isinstance(one, (int, float)) for one in node):
        known = np.array([one for one in node if one is not None], dtype=np.float64)
        if len(node) < _SERIES:
            yield from (((*path, str(place)), float(one)) for place, one in enumerate(node) if one is not None)
        elif len(known) > 1:
            yield from _course(path, known)
    elif node and all(isinstance(one, list) for one in node):
        yield from _confusion(path, node, names)
    else:
        for place, below in enumerate(node):
            yield from _leaves(below, (*path, str(place)), names)


def _course(path: tuple[str, ...], known: Floats) -> Iterator[tuple[tuple[str, ...], float]]:
    scale = float(np.abs(known).mean()) or 1.0
    half = len(known) // 2
    yield (*path, "mean"), float(known.mean())
    yield (*path, "lowest"), float(known.min())
    yield (*path, "highest"), float(known.max())
    yield (*path, "last"), float(known[-1])
    yield (*path, "step"), float(np.abs(np.diff(known)).max() / scale)
    yield (*path, "drift"), float((known[half:].mean() - known[:half].mean()) / scale)
    yield (*path, "repeats"), float((np.diff(known) == 0).mean())


def _confusion(path: tuple[str, ...], rows: list[Any], names: Names) -> Iterator[tuple[tuple[str, ...], float]]:
    if len({len(row) for row in rows} | {len(rows)}) != 1:
        for place, row in enumerate(rows):
            yield from _leaves(row, (*path, str(place)), names)
        return
    table = np.array(rows, dtype=np.float64)
    total = table.sum() or 1.0
    off = table - np.diag(np.diag(table))
    yield (*path, "off"), float(off.sum() / total)
    yield (*path, "largest off"), float(off.max() / total)
    yield (*path, "exchanged"), float(np.minimum(off, off.T).max() / total)
