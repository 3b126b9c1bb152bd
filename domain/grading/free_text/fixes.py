"""Reads a proposed fix in plain words into a patch of the run at hand. Pure, deterministic, bounded; knows no fault.

Every value that the text may propose for a field of the run is a candidate (`features`). A linear model with the whole numbers
of ``weights.json`` scores each; `python -m bench.validity train-words` makes them. The best one is read where it scores more
than a margin and the text is no list.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from domain.diagnosis import Diagnosis, PatchEntry
from domain.grading.free_text.features import Candidate, Text, candidates
from domain.grading.free_text.targets import possible
from domain.grading.names import fields_by_registry
from domain.grading.written_run import Declaration, WrittenRun, run_of
from domain.scenario import Truth

SCALE = 100
"""The weights are hundredths, so that sums are exact on every machine."""
MARGIN, MARGIN_LISTED, NEAR = 50, 300, 70
"""What the best candidate has to score more than; what makes a field one of a list. Values of one field that score so little
less than the best are a hedge."""
MAX_ASKED, MAX_LISTED, MAX_HEDGED = 3, 2, 3
"""A text that proposes changes of more fields, or more values of one, reads as nothing."""
_WEIGHTS: dict[str, int] = json.loads((Path(__file__).parent / "weights.json").read_text("utf-8"))["weights"]

DirectionHint = tuple[Declaration, str]
"""A number and where it has to go."""


class FixReading(NamedTuple):
    """What a diagnosis proposes to change."""

    patch: tuple[PatchEntry, ...]
    """To be judged as a patch; empty: nothing concrete could be read."""
    direction_hints: tuple[DirectionHint, ...] = ()
    """Numeric fields of which only the direction of change could be read."""


def read_words(diagnosis: Diagnosis, truth: Truth) -> FixReading:
    """What the words propose, whether there is a patch or not: of the fix, or where that is empty of the diagnosis."""
    text, root = diagnosis.proposed_fix or diagnosis.diagnosis or "", diagnosis.root_cause_field or ""
    if not text.strip():
        return FixReading(())
    return _read(text, fields_by_registry(root, truth), root, run_of(truth))


@lru_cache(maxsize=512)
def _read(text: str, named: frozenset[str], root: str, run: WrittenRun) -> FixReading:
    read = Text(text, named, root, run)
    best = decide([(score(one.features, _WEIGHTS), one) for one in candidates(read)], read)
    if best is None:
        return FixReading(())
    (file, field), value = best.target.declaration, possible(run, best.target.declaration, best.value)
    if best.direction:
        return FixReading((), ((best.target.declaration, best.direction),))
    return FixReading((PatchEntry(file=file, field=field, value=value),))


def score(features: frozenset[str], weights: dict[str, int]) -> int:
    """The sum of the weights of what a candidate has."""
    return weights[""] + sum(weights.get(name, 0) for name in features)


def decide(scored: Iterable[tuple[int, Candidate]], text: Text) -> Candidate | None:
    """What is read: one change, only a direction, or None."""
    of_fields: dict[str, list[tuple[int, Candidate]]] = {}
    for points, one in sorted(scored, key=lambda pair: (-pair[0], str(pair[1].target.declaration), str(pair[1][1:3]))):
        of_fields.setdefault(one.target.declaration.field, []).append((points, one))
    own: list[tuple[int, Candidate]] = next(iter(of_fields.values()), [])
    if not own or own[0][0] <= MARGIN or text.fields_asked > MAX_ASKED:
        return None
    points, first = own[0]
    bests = [others[0] for others in of_fields.values()]
    if sum(other > MARGIN_LISTED and not one.clauses & first.clauses for other, one in bests) >= MAX_LISTED:
        return None
    if first.direction:
        return first
    if sum("v|ask" in one.features and not one.direction for _, one in own) > MAX_HEDGED:
        return None
    if first.target.kind != "number":
        return first
    # Of several numbers the one nearest to the present value: a wide hedge gains nothing.
    near = [one for other, one in own if other >= points - NEAR and one.clauses == first.clauses and not one.direction]
    base = first.target.present if isinstance(first.target.present, (int, float)) else 0.0
    return min(near, key=lambda one: abs(float(one.value or 0) - base))
