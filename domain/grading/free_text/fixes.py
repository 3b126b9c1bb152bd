"""Reads a proposed fix in plain words into a patch of the run at hand. Pure, deterministic, bounded; knows no fault.

Every value that the text may propose for a field of the run is a candidate (`features`). A linear model with the whole numbers
of ``weights.json`` scores each; `python -m bench.validity train-words` makes them. The best one is read where it scores more
than a margin and the text is no list.
"""

from __future__ import annotations

import json
import math
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from domain.diagnosis import Diagnosis, PatchEntry
from domain.grading import declarations
from domain.grading.free_text.features import Candidate, Text, candidates, text_of
from domain.grading.rubric_1.naming import fields_named
from domain.grading.written_run import Declaration, WrittenRun, run_of
from domain.scenario import Truth

SCALE = 100
"""The weights are hundredths, so that sums are exact on every machine."""
MARGIN, MARGIN_NAMED, MARGIN_LISTED, NEAR = 40, 0, 300, 70
"""What the best candidate has to score more than, and the same of the named cause; what makes a field one of a list. Values of
one field that score so little less than the best are a hedge."""
MAX_ASKED, MAX_LISTED, MAX_HEDGED = 3, 2, 3
"""A text that proposes changes of more fields, or more values of one, reads as nothing."""
_WEIGHTS: dict[str, int] = json.loads((Path(__file__).parent / "weights.json").read_text(encoding="utf-8"))

DirectionHint = tuple[Declaration, str]
"""A number and where it has to go."""


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
    return read_text(text, named, root, run_of(truth))


@lru_cache(maxsize=512)
def read_text(text: str, named: frozenset[str], root: str, run: WrittenRun) -> FixReading:
    """Read words.

    Args:
        text: what is proposed; what is beyond 1,500 characters or 32 segments is not read.
        named: fields that were named as the root cause: what "it" means where the text names none.
        root: how they were named.
        run: what the fix is proposed for; relative changes start from its values.
    """
    return decide(text_of(text, named, root, run), run, _WEIGHTS)


def score(features: frozenset[str], weights: dict[str, Any]) -> Any:
    """The sum of the weights of what a candidate has."""
    return weights[""] + sum(weights.get(name, 0) for name in features)


def decide(text: Text, run: WrittenRun, weights: dict[str, int]) -> FixReading:
    """What is read: one change, only a direction, or nothing."""
    of_fields: dict[str, list[tuple[int, Candidate]]] = {}
    for one in candidates(text, run):
        if not _is_present(one):
            of_fields.setdefault(one.target.declaration.field, []).append((score(one.features, weights), one))
    for own in of_fields.values():
        own.sort(key=lambda pair: (-pair[0], str(pair[1].value), str(pair[1].direction)))
    best = sorted(of_fields.items(), key=lambda pair: (-pair[1][0][0], pair[0]))
    if not best or best[0][1][0][0] <= (MARGIN_NAMED if best[0][0] in text.named else MARGIN):
        return NO_CHANGE
    places = best[0][1][0][1].clauses
    listed = sum(own[0][0] > MARGIN_LISTED and not own[0][1].clauses & places for _, own in best)
    if text.named_in("ask") > MAX_ASKED or listed >= MAX_LISTED:
        return NO_CHANGE
    first = _nearest(best[0][1])
    if first is None:
        return NO_CHANGE
    target = first.target
    if first.direction:
        return FixReading((), ((target.declaration, first.direction),))
    try:
        value = run.checked(target.declaration, first.value)
    except ValueError:
        return NO_CHANGE
    return FixReading((PatchEntry(file=target.declaration.file, field=target.declaration.field, value=value),))


def _nearest(own: list[tuple[int, Candidate]]) -> Candidate | None:
    """The best candidate; of several numbers the one nearest to the present value: a wide hedge gains nothing; None: a longer list."""
    points, first = own[0]
    near = {one.value: one for other, one in reversed(own) if other >= points - NEAR and one.clauses == first.clauses}
    if first.direction:
        return first
    if first.target.kind != "number":
        return first if sum(other > MARGIN_NAMED for other, _ in own) <= MAX_HEDGED else None
    if len(near) > MAX_HEDGED:
        return None
    base = first.target.present if isinstance(first.target.present, (int, float)) else 0.0
    return min((one for one in near.values() if not one.direction), key=lambda one: abs(float(one.value or 0) - base))


def _is_present(one: Candidate) -> bool:
    """Whether a number is asked for that the field has."""
    value, present = one.value, one.target.present
    if isinstance(value, (int, float)) and isinstance(present, (int, float)):
        return not one.direction and math.isclose(value, present, rel_tol=0.02)
    return value == present and not one.direction
