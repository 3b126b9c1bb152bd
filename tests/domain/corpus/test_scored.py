"""The first 62 diagnoses, written with the sketch of the grader: what whole answers score. And the truth negated."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from domain.diagnosis import Diagnosis
from tests.domain.corpus.reading import grade_answer
from tests.domain.scenarios import FAULT_IDS, planted
from tests.profiles import seeds

FIRST = Path(__file__).parent / "scored" / "first.jsonl"
SEEDS = 20
NEGATIONS = (
    "Do not {fix}",
    "Never {fix}",
    "Don't {fix} Keep everything as it is.",
    "It would be wrong to {fix}",
    "Everything is fine; no change is needed.",
)


@cache
def _scores(*, with_patch: bool) -> dict[str, list[float]]:
    """Label (good, part, wrong, stuffed) to scores."""
    scores: dict[str, list[float]] = defaultdict(list)
    for number, line in enumerate(FIRST.read_text().splitlines()):
        entry: dict[str, Any] = json.loads(line)
        scenario = planted(entry["fault"], number % SEEDS)
        answer = Diagnosis.model_validate(entry["answer"])
        if with_patch:
            answer = answer.model_copy(update={"patch": scenario.truth.patch})
        scores[entry["label"]].append(grade_answer(answer, scenario).score)
    return scores


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


@pytest.mark.exhaustive
def test_right_answers_in_words_alone() -> None:
    scores = _scores(with_patch=False)
    print({label: f"{_mean(values):.3f} of {len(values)}" for label, values in scores.items()})
    assert _mean(scores["good"]) >= 0.92
    assert _mean(scores["stuffed"]) <= 0.40


@pytest.mark.exhaustive
def test_right_answers_with_a_patch() -> None:
    scores = _scores(with_patch=True)["good"]
    print(f"with the patch of the truth: {_mean(scores):.3f}")
    assert _mean(scores) >= 0.95


@pytest.mark.parametrize("negation", NEGATIONS)
@pytest.mark.parametrize("fault_id", FAULT_IDS)
def test_the_negated_truth_earns_nothing_for_the_fix(fault_id: str, negation: str) -> None:
    for seed in seeds(range(5), quick=1):
        scenario = planted(fault_id, seed)
        truth = scenario.truth
        assert truth.proposed_fix is not None
        fix = truth.proposed_fix[0].lower() + truth.proposed_fix[1:]
        answer = Diagnosis(
            failure_category=truth.failure_category,
            root_cause_file=truth.root_cause_file,
            root_cause_field=truth.root_cause_field,
            proposed_fix=negation.format(fix=fix),
        )
        assert grade_answer(answer, scenario).breakdown.proposed_fix.awarded == 0.0, answer.proposed_fix
