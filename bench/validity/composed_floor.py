"""The blind floor where none, one or two faults may be planted: the best that one constant list of answers can reach.

What an entry earns against a fault is graded on runs with that fault alone; the score of a list follows from it for every
pair that can be planted. Only the verdict on a patch could differ beside another fault, and only on the one it repairs.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np

from bench.validity.floor import FIRST_SEED, Judge, Options, contradicted
from domain.diagnosis import Diagnosis
from domain.faults import CATALOGUE
from domain.faults.compositions import FAULT_COUNTS, PAIRS
from domain.generator import generate
from domain.rubric import RUBRIC
from domain.scenario import Composition, Scenario
from domain.training.randomness import Floats, Ints
from domain.types import COMPOSED_TASK

_STARTS = 12
_FAULTS = tuple(CATALOGUE)


class ComposedFloor(NamedTuple):
    """The best constant list."""

    score: float
    answer: tuple[Diagnosis, ...]
    by_length: tuple[float, float, float]
    """Of the best list of no, one and two entries."""


def composed_floor() -> ComposedFloor:
    """Try the empty list, every category, file, field or none, and repair of one entry, and two of the best of them."""
    scenarios = [alone(fault_id, FIRST_SEED) for fault_id in _FAULTS]
    options = Options(scenarios, max_fields=1, max_repairs=1)
    earned = _earned(options, scenarios)
    flat = earned.reshape(-1, len(_FAULTS))
    one = _scores_of_one(flat)
    best = int(one.argmax())
    first, second, of_two = _best_pair(flat, np.argsort(-one)[:_STARTS].astype(np.int64))
    of_none = _share(0) * RUBRIC.highest_score + (1 - _share(0)) * RUBRIC.lowest_score
    by_length = tuple(round(float(each), 4) for each in (of_none, one[best], of_two))
    chosen = ((), (best,), (first, second))[int(np.argmax(by_length))]
    answer = tuple(options.answer(*(int(at) for at in np.unravel_index(each, earned.shape[:4]))) for each in chosen)
    return ComposedFloor(max(by_length), answer, (by_length[0], by_length[1], by_length[2]))


def alone(fault_id: str, seed: int) -> Scenario:
    """A run of the expert task with one fault, with that fault as its only truth."""
    scenario = generate(COMPOSED_TASK, seed, fault=fault_id)
    if not isinstance(scenario.truth, Composition):
        raise TypeError("the expert task plants compositions")
    return scenario.model_copy(update={"truth": scenario.truth.faults[0]})


def _earned(options: Options, scenarios: list[Scenario]) -> Floats:
    """(categories, files, fields, fixes, faults): the points of every entry against every fault."""
    judge = Judge()
    parts = {
        name: judge.points([{name: value} for value in values], scenarios, name)
        for name, values in (
            ("failure_category", options.categories),
            ("root_cause_file", options.files),
            ("root_cause_field", options.fields),
        )
    }
    fixes = judge.points(options.fixes, scenarios, "proposed_fix")
    left = contradicted(judge, options, scenarios)
    named = parts["root_cause_field"][:, None] + fixes[None] * left[:, None]
    places = [
        parts["failure_category"][category] + parts["root_cause_file"][file]
        for category, file in product(range(len(options.categories)), range(len(options.files)))
    ]
    earned: Floats = (np.array(places)[:, None, None] + named[None]).astype(np.float64)
    return earned.reshape(len(options.categories), len(options.files), *earned.shape[1:])


def _share(count: int) -> float:
    return FAULT_COUNTS.count(count) / len(FAULT_COUNTS)


def _pairs() -> tuple[list[int], list[int]]:
    return [_FAULTS.index(one) for one, _ in PAIRS], [_FAULTS.index(other) for _, other in PAIRS]


def _clipped(totals: Floats) -> Floats:
    clipped: Floats = np.clip(totals, RUBRIC.lowest_score, RUBRIC.highest_score)
    return clipped


def _less_unmatched(points: Floats) -> Floats:
    """Points of an entry, less the penalty if it earns none."""
    left: Floats = points - RUBRIC.unmatched_penalty * (points == 0)
    return left


def _scores_of_one(earned: Floats) -> Floats:
    """The score of each entry (rows) as a list of its own."""
    ones, others = _pairs()
    on_one = _clipped(_less_unmatched(earned)).mean(axis=1)
    found: Floats = np.empty(len(earned))
    for start in range(0, len(earned), 4096):  # all of them at once would take gigabytes
        part = earned[start : start + 4096]
        better = np.maximum(part[:, ones], part[:, others])
        found[start : start + 4096] = _clipped(better / 2 - RUBRIC.unmatched_penalty * (better == 0)).mean(axis=1)
    scores: Floats = _share(0) * RUBRIC.lowest_score + _share(1) * on_one + _share(2) * found
    return scores


def _scores_of_two(first: Floats, others: Floats) -> Floats:
    """The score of lists of this entry and each of the others."""
    ones, twos = _pairs()
    penalty = RUBRIC.unmatched_penalty
    on_one = _clipped(np.maximum(first, others) - penalty - penalty * (np.maximum(first, others) == 0)).mean(axis=1)
    found: Floats = np.empty(len(others))
    for start in range(0, len(others), 4096):
        part = others[start : start + 4096]
        totals = [
            (first[mine] + part[:, theirs]) / 2 - penalty * ((first[mine] == 0).astype(int) + (part[:, theirs] == 0))
            for mine, theirs in ((ones, twos), (twos, ones))
        ]
        found[start : start + 4096] = _clipped(np.maximum(*totals)).mean(axis=1)
    scores: Floats = _share(0) * RUBRIC.lowest_score + _share(1) * on_one + _share(2) * found
    return scores


def _best_pair(earned: Floats, starts: Ints) -> tuple[int, int, float]:
    """Two entries and their score: from each start the best second one, then the best first one beside that."""
    best = (0, 0, 0.0)
    for start in starts:
        first = int(start)
        second = int(_scores_of_two(earned[first], earned).argmax())
        beside = _scores_of_two(earned[second], earned)
        if beside.max() > best[2]:
            best = (int(beside.argmax()), second, float(beside.max()))
    return best
