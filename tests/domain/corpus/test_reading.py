"""How well the grader reads diagnoses in plain words: recall and false accepts over the corpus."""

from __future__ import annotations

from collections import Counter

import pytest

from domain.faults import CATALOGUE
from tests.domain.corpus.reading import (
    Read,
    field_false_accepts,
    field_recall,
    fix_false_accepts,
    fix_recall,
    read_corpus,
    set_names,
)

pytestmark = pytest.mark.exhaustive


def _print(name: str, reads: list[Read]) -> None:
    print(
        f"{name}: field recall {field_recall(reads)}, field false accepts {field_false_accepts(reads)}, "
        f"fix recall {fix_recall(reads)}, fix false accepts {fix_false_accepts(reads)}"
    )


def test_the_corpus_is_large_and_covers_every_fault() -> None:
    counts = Counter(read.entry["fault"] for read in read_corpus())
    assert set(counts) == set(CATALOGUE)
    assert min(counts.values()) >= 10
    assert len({read.entry["id"] for read in read_corpus()}) == len(read_corpus())


def test_right_diagnoses_are_understood_and_wrong_ones_are_not_accepted() -> None:
    reads = list(read_corpus())
    for name in set_names():
        _print(f"set {name}", [read for read in reads if read.entry["set"] == name])
    _print("all", reads)
    assert field_recall(reads).value >= 0.97
    assert fix_recall(reads).value >= 0.80
    assert fix_false_accepts(reads).value <= 0.08


def test_the_held_out_set_is_read_nearly_as_well() -> None:
    """Set e was never used for tuning; README.md says how often its totals were looked at."""
    reads = [read for read in read_corpus() if read.entry["set"] == "e"]
    _print("held out", reads)
    assert field_recall(reads).value >= 0.97
    assert fix_recall(reads).value >= 0.80
    assert fix_false_accepts(reads).value <= 0.08


@pytest.mark.parametrize("name", set_names())
def test_no_set_is_read_badly(name: str) -> None:
    reads = [read for read in read_corpus() if read.entry["set"] == name]
    assert field_recall(reads).value >= 0.9
    assert fix_false_accepts(reads).value <= 0.15
