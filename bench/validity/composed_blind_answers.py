"""Scores of blind lists of diagnoses on the task with up to two faults.

Each takes scenarios of the expert task in the shares that seeds draw, and returns a mean score. Pure; nothing here is served.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import fmean

from bench.validity.blind_answers import NEGATIONS, SETTABLE
from bench.validity.floor import BLIND_INVESTIGATION
from domain.diagnosis import Diagnosis, PatchEntry
from domain.faults import CATALOGUE
from domain.faults.compositions import FAULT_COUNTS, draw_faults
from domain.generator import generate, scenario_seed
from domain.grade import PatchVerdict
from domain.grader import grade_diagnoses, read_fix, verify_patch
from domain.scenario import Scenario, Truth
from domain.training.pipeline import FieldValue
from domain.training.randomness import Stream
from domain.types import ARTIFACT_NAMES, COMPOSED_TASK, FAILURE_CATEGORIES

_DRAWS = 20
_KNOWN = 40
PLACES: tuple[tuple[str, str], ...] = (
    ("config_error", "config.yaml"),
    ("architecture_bug", "config.yaml"),
    ("preprocessing_bug", "preprocessing.py"),
    ("data_leakage", "preprocessing.py"),
    ("evaluation_bug", "preprocessing.py"),
)
"""Where constant answers look for a cause."""


class ComposedJudge:
    """Grades lists of an agent that looked at nothing, verifying each patch once for each planted fault."""

    def __init__(self) -> None:
        self._verdicts: dict[tuple[str, int, tuple[PatchEntry, ...]], PatchVerdict] = {}

    def score(self, diagnoses: Sequence[Diagnosis], scenario: Scenario) -> float:
        truth = scenario.truth
        verdicts = [
            [self._verdict(one, fault, scenario.digest, place) for place, fault in enumerate(truth.planted)]
            for one in diagnoses
        ]
        return grade_diagnoses(diagnoses, truth, BLIND_INVESTIGATION, verdicts, task_id=COMPOSED_TASK).score

    def _verdict(self, diagnosis: Diagnosis, fault: Truth, digest: str, place: int) -> PatchVerdict | None:
        patch = read_fix(diagnosis, fault).patch
        if not patch:
            return None
        key = digest, place, patch
        if key not in self._verdicts:
            self._verdicts[key] = verify_patch(fault, patch)
        return self._verdicts[key]


def composed_scenarios(*, first_seed: int, healthy: int) -> Iterator[Scenario]:
    """Fresh scenarios with as many faults as seeds draw: so many healthy ones, and the others in proportion."""
    wanted = {count: healthy * FAULT_COUNTS.count(count) // FAULT_COUNTS.count(0) for count in FAULT_COUNTS}
    seed = first_seed
    while any(wanted.values()):
        count = len(draw_faults(Stream(scenario_seed(COMPOSED_TASK, seed), "fault")))
        if wanted[count]:
            wanted[count] -= 1
            yield generate(COMPOSED_TASK, seed)
        seed += 1


def nothing_is_wrong(scenarios: list[Scenario]) -> float:
    """Always submits the empty list."""
    judge = ComposedJudge()
    return fmean(judge.score([], one) for one in scenarios)


def random_answers(scenarios: list[Scenario]) -> float:
    """Draws none, one or two entries."""
    judge, draw = ComposedJudge(), Stream(len(scenarios), "random-lists")
    scores = []
    for _ in range(_DRAWS):
        diagnoses = [_drawn(draw) for _ in range(draw.choice(FAULT_COUNTS))]
        scores += [judge.score(diagnoses, one) for one in scenarios]
    return fmean(scores)


def _drawn(draw: Stream) -> Diagnosis:
    spec = draw.choice(SETTABLE)
    values: list[FieldValue] = list(spec.choices) or ([True, False] if spec.type == "boolean" else [spec.low])
    return Diagnosis(
        failure_category=draw.choice(FAILURE_CATEGORIES),
        root_cause_file=draw.choice(ARTIFACT_NAMES),
        root_cause_field=spec.field,
        patch=(PatchEntry(file=spec.file, field=spec.field, value=draw.choice(values)),),
    )


def stuffed(scenarios: list[Scenario]) -> float:
    """Names every field and every repair, in words, in one entry or two."""
    fields = ", ".join(sorted({fault.field for fault in CATALOGUE.values()}))[:300]
    faults = {fault.fault_id: fault for one in scenarios for fault in one.truth.planted}
    fixes = " ".join(str(fault.proposed_fix) for fault in faults.values())[:600]
    return _best_lists(scenarios, {"root_cause_field": fields, "proposed_fix": fixes})


def listed(scenarios: list[Scenario]) -> float:
    """Names every field there is, in one entry or two."""
    names = ", ".join(spec.field for spec in SETTABLE)
    return _best_lists(scenarios, {"root_cause_field": names[:300], "proposed_fix": names[:600]})


def negated(scenarios: list[Scenario]) -> float:
    """The best constant entry of a repair turned into its opposite, with its field named."""
    best = 0.0
    for truth in {fault.fault_id: fault for one in scenarios for fault in one.truth.planted}.values():
        fix = str(truth.proposed_fix)
        for negation in NEGATIONS:
            text = negation.format(fix=fix[0].lower() + fix[1:])
            part = {"root_cause_field": truth.root_cause_field, "proposed_fix": text}
            best = max(best, _best_lists(scenarios, part, places=PLACES[2:4]))
    return best


def seed_table(scenarios: list[Scenario]) -> float:
    """Remembers the truths of public seeds, and answers a fresh seed with those of one of them."""
    judge = ComposedJudge()
    known = [generate(COMPOSED_TASK, seed).truth.planted for seed in range(_KNOWN)]
    scores = []
    for number, one in enumerate(scenarios):
        for shift in range(4):
            faults = known[(number + shift * _KNOWN // 4) % _KNOWN]
            scores.append(judge.score([_said(fault) for fault in faults], one))
    return fmean(scores)


def _said(fault: Truth) -> Diagnosis:
    return Diagnosis(
        failure_category=fault.failure_category,
        root_cause_file=fault.root_cause_file,
        root_cause_field=fault.root_cause_field,
        patch=fault.patch,
    )


def _best_lists(
    scenarios: list[Scenario], part: dict[str, str | None], *, places: Sequence[tuple[str, str]] = PLACES
) -> float:
    """The best mean of this answer in any place, once, or in two places at once."""
    judge = ComposedJudge()
    entries = [
        Diagnosis.model_validate({"failure_category": category, "root_cause_file": file, **part})
        for category, file in places
    ]
    lists = [[one] for one in entries] + [[entries[0], other] for other in entries[1:]]
    return max(fmean(judge.score(diagnoses, one) for one in scenarios) for diagnoses in lists)


COMPOSED_BLIND: dict[str, Callable[[list[Scenario]], float]] = {
    "nop": nothing_is_wrong,
    "random answers": random_answers,
    "stuffed": stuffed,
    "every field listed": listed,
    "truth negated": negated,
    "seed look-up table": seed_table,
}
"""Blind agent to its scores."""
