"""Blind agents on easy and medium: what answers score that were given without a look at the evidence.

Each takes scenarios of one task (the same number of each fault) and returns a mean score.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from statistics import fmean

from bench.validity.floor import Judge, best_places
from domain.diagnosis import Diagnosis, PatchEntry
from domain.faults import POOLS
from domain.fields.field import FieldSpec
from domain.fields.registry import REGISTRY
from domain.generator import generate
from domain.scenario import Scenario
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream
from domain.types import ARTIFACT_NAMES, FAILURE_CATEGORIES, TaskId

SETTABLE = tuple(spec for spec in REGISTRY if spec.attribute is not None)
_DRAWS = 40
_WAYS = 10
NEGATIONS = ("Do not {fix}", "Never {fix}", "It would be wrong to {fix}")


def nop(scenarios: list[Scenario]) -> float:
    """Submits nothing."""
    judge = Judge()
    return fmean(judge.grade(Diagnosis(), one).score for one in scenarios)


def random_answers(scenarios: list[Scenario]) -> float:
    """Draws category, file, field and a value for the field."""
    judge, draw = Judge(), Stream(len(scenarios), "random-answers")
    scores = []
    for _ in range(_DRAWS):
        spec = draw.choice(SETTABLE)
        answer = Diagnosis(
            failure_category=draw.choice(FAILURE_CATEGORIES),
            root_cause_file=draw.choice(ARTIFACT_NAMES),
            root_cause_field=spec.field,
            patch=(PatchEntry(file=spec.file, field=spec.field, value=draw.choice(_values(spec, scenarios))),),
        )
        scores += [judge.grade(answer, one).score for one in scenarios]
    return fmean(scores)


def stuffed(scenarios: list[Scenario]) -> float:
    """Names every field and every repair of the task's faults, in words."""
    fields = ", ".join(sorted({str(one.only_fault.root_cause_field) for one in scenarios}))
    fixes = " ".join(dict.fromkeys(str(one.only_fault.proposed_fix) for one in scenarios))
    return best_places(Diagnosis(root_cause_field=fields[:300], proposed_fix=fixes[:600]), scenarios)


def listed(scenarios: list[Scenario]) -> float:
    """Names every field there is."""
    names = ", ".join(spec.field for spec in SETTABLE)
    return best_places(Diagnosis(root_cause_field=names[:300], proposed_fix=names[:600]), scenarios)


def negated(scenarios: list[Scenario]) -> float:
    """The best constant answer of a repair turned into its opposite, with its field named."""
    best = 0.0
    for truth in {one.only_fault.fault_id: one.only_fault for one in scenarios}.values():
        fix = str(truth.proposed_fix)
        for negation in NEGATIONS:
            text = negation.format(fix=fix[0].lower() + fix[1:])
            answer = Diagnosis(root_cause_field=truth.root_cause_field, proposed_fix=text)
            best = max(best, best_places(answer, scenarios))
    return best


def every_patch(scenarios: list[Scenario]) -> float:
    """The best constant answer that patches a single field, over every field and the values it usually takes."""
    best = 0.0
    for spec in SETTABLE:
        for value in _values(spec, scenarios):
            patch = (PatchEntry(file=spec.file, field=spec.field, value=value),)
            best = max(best, best_places(Diagnosis(root_cause_field=spec.field, patch=patch), scenarios))
    return best


def _values(spec: FieldSpec, scenarios: list[Scenario]) -> list[FieldValue]:
    """The choices of a field, or the values that healthy runs have."""
    if spec.choices:
        return list(spec.choices)
    if spec.type == "boolean":
        return [True, False]
    healthy = {Pipeline.from_json(one.only_fault.twin).value(spec.attribute or "") for one in scenarios}
    return sorted(healthy, key=str)[:3]


def seed_table(scenarios: list[Scenario], *, known: int = 60) -> float:
    """Remembers the truths of public seeds, and answers a fresh seed with one of them; the mean over ten ways to choose."""
    task_id, judge = scenarios[0].task_id, Judge()
    truths = [generate(task_id, seed).only_fault for seed in range(known)]
    scores = []
    for one, shift in product(scenarios, range(_WAYS)):
        truth = truths[(one.seed + shift * known // _WAYS) % known]
        answer = Diagnosis(
            failure_category=truth.failure_category,
            root_cause_file=truth.root_cause_file,
            root_cause_field=truth.root_cause_field,
            patch=truth.patch,
        )
        scores.append(judge.grade(answer, one).score)
    return fmean(scores)


BLIND: dict[str, Callable[[list[Scenario]], float]] = {
    "nop": nop,
    "random answers": random_answers,
    "stuffed": stuffed,
    "every field listed": listed,
    "truth negated": negated,
    "every single-field patch": every_patch,
    "seed look-up table": seed_table,
}
"""Canary to what it scores."""


def fresh_scenarios(task_id: TaskId, *, first_seed: int, seeds: int) -> Iterator[Scenario]:
    """Scenarios of fresh seeds, the same number of each fault, no two with the same seed."""
    for place, fault_id in enumerate(POOLS[task_id]):
        for number in range(seeds):
            yield generate(task_id, first_seed + place * seeds + number, fault=fault_id)
