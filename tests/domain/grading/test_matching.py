"""Grading a list of diagnoses: the laws of the score, on real runs, and of the match, on any points."""

from __future__ import annotations

import json
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.diagnosis import Diagnosis, PatchEntry
from domain.grade import ComposedBreakdown, Investigation
from domain.grader import verify_patch
from domain.grading.declarations import state_of
from domain.grading.matching import best_match
from domain.rubric import RUBRIC
from tests.domain.compositions import answer_to, composed, composition, grade_all
from tests.profiles import seeds

SEEDS = seeds(range(60), quick=12)
PAIR, ONE, NONE = "row_multiplying_join+undeclared_thinning", "frozen_column", "none"
UNREAD = Investigation(artifacts_read=(), checks_run=(), duplicate_reads=0, refused=0, steps=1)
WRONG = Diagnosis(failure_category="label_mismatch", root_cause_file="model_card.json", root_cause_field="model.bias")

points = st.sampled_from([0.0, 0.15, 0.25, 0.4, 0.7, 1.0])
tables = st.integers(0, 2).flatmap(
    lambda faults: st.lists(st.lists(points, min_size=faults, max_size=faults), max_size=2)
)


def _total(table: list[list[float]]) -> tuple[float, int]:
    match = best_match(table)
    earned = [row[place] for row, place in zip(table, match, strict=True) if place is not None]
    return round(sum(earned), 4), len(earned)


@given(tables)
def test_a_match_is_one_to_one_and_never_of_nothing(table: list[list[float]]) -> None:
    match = best_match(table)
    used = [place for place in match if place is not None]
    assert len(match) == len(table) and len(set(used)) == len(used)
    assert all(row[place] > 0 for row, place in zip(table, match, strict=True) if place is not None)


@given(tables)
def test_no_other_match_earns_more(table: list[list[float]]) -> None:
    faults = len(table[0]) if table else 0
    others = permutations([*range(faults), *[None] * len(table)], len(table))
    best = max(sum(row[at] for row, at in zip(table, one, strict=True) if at is not None) for one in others)
    assert _total(table)[0] == pytest.approx(best, abs=1e-4)


@given(tables, st.randoms())
def test_the_order_of_entries_and_of_faults_changes_nothing(table: list[list[float]], draw: object) -> None:
    assert _total(table) == _total(table[::-1]) == _total([row[::-1] for row in table])


@pytest.mark.parametrize("seed", SEEDS)
def test_the_revealed_truth_scores_at_least_095(seed: int) -> None:
    scenario = composed(seed)
    graded = grade_all(scenario, [answer_to(fault, confidence=1.0) for fault in composition(scenario).faults])
    assert graded.score >= 0.95
    assert graded.breakdown.is_right
    assert graded.brier in (0.0, None)


@pytest.mark.parametrize("seed", SEEDS)
def test_doing_nothing_as_a_patch_earns_nothing(seed: int) -> None:
    for fault in composition(composed(seed)).faults:
        path = str(fault.root_cause_field)
        patch = (PatchEntry(file=str(fault.root_cause_file), field=path, value=state_of(fault).declared[path]),)
        assert verify_patch(fault, patch).credit == 0.0


@pytest.mark.parametrize(
    ("fault", "said", "score"), [(NONE, 0, 0.99), (NONE, 1, 0.01), (NONE, 2, 0.01), (ONE, 0, 0.01), (PAIR, 0, 0.01)]
)
def test_the_scores_that_are_fixed(fault: str, said: int, score: float) -> None:
    for looked_at in (UNREAD,):
        assert grade_all(composed(3, fault), [WRONG] * said, looked_at).score == score


def test_one_of_two_faults_found_earns_half() -> None:
    scenario = composed(3, PAIR)
    for fault, other in (composition(scenario).faults, composition(scenario).faults[::-1]):
        graded = grade_all(scenario, [answer_to(fault)])
        assert graded.score == 0.5
        assert isinstance(graded.breakdown, ComposedBreakdown)
        assert graded.breakdown.missed == (other.fault_id,)
        assert not graded.breakdown.is_right
        assert "gives back the run without the fault" in graded.breakdown.entries[0].proposed_fix.verdict


def test_the_order_of_entries_changes_no_score() -> None:
    scenario = composed(3, PAIR)
    one, other = (answer_to(fault) for fault in composition(scenario).faults)
    for said in ([one, other], [one, WRONG], [other, Diagnosis()]):
        assert grade_all(scenario, said).score == grade_all(scenario, said[::-1]).score


def test_each_entry_too_many_costs_a_quarter() -> None:
    scenario = composed(3, ONE)
    (fault,) = composition(scenario).faults
    right = answer_to(fault)
    assert grade_all(scenario, [right]).score == 0.99
    assert grade_all(scenario, [right, right]).score == 0.75
    assert grade_all(scenario, [Diagnosis(), right]).score == 0.75
    assert grade_all(scenario, [Diagnosis(), Diagnosis()]).score == RUBRIC.lowest_score


def test_an_entry_that_earns_nothing_is_unmatched_even_where_a_fault_is_left() -> None:
    scenario = composed(3, PAIR)
    fault, other = composition(scenario).faults
    graded = grade_all(scenario, [answer_to(fault), Diagnosis(confidence=0.8)])
    assert graded.score == 0.25
    assert isinstance(graded.breakdown, ComposedBreakdown)
    assert [entry.fault_id for entry in graded.breakdown.entries] == [fault.fault_id, None]
    assert graded.breakdown.missed == (other.fault_id,)
    assert graded.brier == 0.64


def test_a_patch_that_mends_both_faults_is_worth_half_a_fix() -> None:
    scenario = composed(4, PAIR)
    one, other = composition(scenario).faults
    graded = grade_all(scenario, [answer_to(one, patch=(*one.patch, *other.patch)), answer_to(other)])
    assert isinstance(graded.breakdown, ComposedBreakdown)
    assert [entry.proposed_fix.awarded for entry in graded.breakdown.entries] == [0.15, 0.3]


def test_few_reads_cost_what_they_cost_elsewhere() -> None:
    scenario = composed(3, PAIR)
    said = [answer_to(fault) for fault in composition(scenario).faults]
    assert grade_all(scenario, said, UNREAD).score == 0.95


def test_every_score_lies_within_its_bounds() -> None:
    for seed in SEEDS:
        scenario = composed(seed)
        truths = [answer_to(fault) for fault in composition(scenario).faults]
        for said in ([], [WRONG], [WRONG, WRONG], truths[:1], [*truths, Diagnosis()][:2]):
            assert RUBRIC.lowest_score <= grade_all(scenario, said, UNREAD).score <= RUBRIC.highest_score


def test_the_revealed_truth_can_be_submitted_as_it_stands() -> None:
    revealed = json.loads(json.dumps(composed(3, PAIR).truth.reveal()))["faults"]
    for fault in revealed:
        Diagnosis.model_validate_json(
            json.dumps({key: value for key, value in fault.items() if key not in ("fault_id", "accepted")})
        )
