"""Reads a proposed fix in plain words into a patch of the run at hand. Pure, deterministic, bounded; knows no fault.

Every value that the text may propose for a field of the run is a candidate (`features`). A linear model with the whole numbers
of ``weights.json`` scores each; `python -m bench.validity train-words` makes them. What scores no more than a margin is not read.
"""

from __future__ import annotations

import json
import math
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from domain.diagnosis import Diagnosis, PatchEntry
from domain.fields.field import FieldSpec
from domain.grading import declarations
from domain.grading.free_text.features import Candidate, Text, candidates
from domain.grading.free_text.targets import Run, Target, run_of
from domain.grading.rubric_1.naming import fields_named
from domain.scenario import Truth

MAX_ENTRIES = 2
SCALE = 100
"""The weights are hundredths, so that sums are exact on every machine."""
MARGIN, MARGIN_NAMED, MARGIN_BESIDE, MARGIN_BESIDE_NAMED, MARGIN_MENTIONED, NEAR = 100, 60, 200, 300, 0, 70
"""What a candidate has to score more than: the best one, the same of the named cause; one of another field, the same beside
the named cause; one that makes a text a list. Numbers that score so little less than the best are a hedge."""
_WEIGHTS: dict[str, int] = json.loads((Path(__file__).parent / "weights.json").read_text(encoding="utf-8"))


DirectionHint = tuple[FieldSpec | Target, str]
"""A numeric field and where it has to go."""


class FixReading(NamedTuple):
    """What a diagnosis proposes to change."""

    patch: tuple[PatchEntry, ...]
    """To be judged as a patch; empty: nothing concrete could be read."""
    direction_hints: tuple[DirectionHint, ...] = ()
    """Numeric fields of which only the direction of change could be read."""


NO_CHANGE = FixReading(())


def read_words(diagnosis: Diagnosis, truth: Truth) -> FixReading:
    """What the words propose, whether there is a patch or not: of the fix, or where that is empty of the diagnosis."""
    text, root = diagnosis.proposed_fix or diagnosis.diagnosis, diagnosis.root_cause_field or ""
    if not text or not text.strip():
        return NO_CHANGE
    if declarations.is_declared(truth):
        named = declarations.paths_named(declarations.state_of(truth), root)
    else:
        # Two names of one value count as the first.
        fields = {spec.field for spec in fields_named(root)}
        named = frozenset("metrics.val_accuracy" if field == "metrics.test_accuracy" else field for field in fields)
    return read_text(text, named, root, run_of(truth.pipeline))


@lru_cache(maxsize=512)
def read_text(text: str, named: frozenset[str], root: str, run: Run) -> FixReading:
    """Read words.

    Args:
        text: what is proposed; what is beyond 1,500 characters or 32 segments is not read.
        named: fields that were named as the root cause: what "it" means where the text names none.
        root: how they were named.
        run: what the fix is proposed for; relative changes start from its values.
    """
    scored: dict[str, list[tuple[int, Candidate]]] = {}
    for candidate in candidates(Text(text, named, root, run)):
        scored.setdefault(candidate.target.field, []).append((score(candidate.features, _WEIGHTS), candidate))
    return decide(list(scored.values()), run)


def score(features: frozenset[str], weights: dict[str, Any]) -> Any:
    """The sum of the weights of what a candidate has."""
    return weights[""] + sum(weights.get(name, 0) for name in features)


def decide(of_fields: list[list[tuple[int, Candidate]]], run: Run) -> FixReading:
    """What is read from scored candidates, given by field."""
    best = []
    for own in of_fields:
        own.sort(key=lambda pair: (-pair[0], str(pair[1].value), str(pair[1].direction)))
        best.append((own[0][0], _nearest(own), own[0][1].clauses))
    best.sort(key=lambda one: (-one[0], one[1].target.field))
    if not best or best[0][0] <= (MARGIN_NAMED if _is_named(best[0][1]) else MARGIN):
        return NO_CHANGE
    first, places = best[0][1], best[0][2]
    beside = [one for one in best[1:] if one[2] and not one[2] & places and not _is_present(one[1])]
    is_list = any(name.endswith("others=3") for name in first.features)
    if is_list or sum(points > MARGIN_MENTIONED for points, _, _ in beside) >= MAX_ENTRIES:
        return NO_CHANGE
    margin = MARGIN_BESIDE_NAMED if _is_named(first) else MARGIN_BESIDE
    read = [first, *(one for points, one, _ in beside if points > margin and not one.direction)]
    if len(read) > MAX_ENTRIES:
        return NO_CHANGE
    entries = tuple(
        entry for one in read if not one.direction and (entry := run.entry(one.target, one.value)) is not None
    )
    hints = ((first.target, first.direction),) if first.direction else ()
    return FixReading(entries, () if entries else hints)


def _is_named(one: Candidate) -> bool:
    return any(name.endswith("root=named") for name in one.features)


def _nearest(own: list[tuple[int, Candidate]]) -> Candidate:
    """The best candidate; of several numbers that one clause proposes alike the one nearest to the present value: a wide hedge gains nothing."""
    points, first = own[0]
    if first.target.kind != "number" or first.direction or not isinstance(first.value, (int, float)):
        return first
    base = first.target.present if isinstance(first.target.present, (int, float)) else 0.0
    near = [
        one for other, one in own
        if other >= points - NEAR and one.clauses == first.clauses and isinstance(one.value, (int, float)) and one.value != base
    ]  # fmt: skip
    return min(near, key=lambda one: abs(float(one.value or 0) - base), default=first)


def _is_present(one: Candidate) -> bool:
    """Whether a number is asked for that the field has."""
    value, present = one.value, one.target.present
    if isinstance(value, (int, float)) and isinstance(present, (int, float)):
        return math.isclose(value, present, rel_tol=0.02)
    return value == present
