"""How well fixes in plain words are read, over the corpus: what the reader learned from, and texts that it never saw."""

from __future__ import annotations

from collections import Counter

import pytest

from domain.faults import CATALOGUE
from domain.grading import declarations
from tests.domain.corpus.reading import FRESH, HELD_OUT, LEARNED, entries_of, rate

pytestmark = pytest.mark.exhaustive


def test_the_corpus_is_large_and_covers_every_fault() -> None:
    counts = Counter((declarations.is_declared(entry.truth), entry.truth.fault_id) for entry in entries_of(*LEARNED))
    of_one_table = {fault: count for (is_declared, fault), count in counts.items() if not is_declared}
    assert set(CATALOGUE) <= set(of_one_table)
    assert min(of_one_table.values()) >= 10
    assert min(counts.values()) >= 7


def test_what_was_learned_is_read() -> None:
    entries = entries_of(*LEARNED)
    assert rate(entries, "right", with_field=True) >= 0.86
    assert rate(entries, "right", with_field=False) >= 0.80
    assert rate(entries, "wrong", with_field=True) <= 0.02
    assert rate(entries, "wrong", with_field=False) <= 0.02


def test_texts_that_nothing_was_learned_from_are_read() -> None:
    """Of all four tasks together; README.md has the rates of each file."""
    entries = entries_of(*HELD_OUT)
    found = [rate(entries, label, with_field=named) for label in ("right", "wrong") for named in (True, False)]
    assert found[0] >= 0.83
    assert found[1] >= 0.75
    assert found[2] <= 0.05
    assert found[3] <= 0.05


def test_texts_of_an_author_who_never_saw_the_reader_are_read_as_measured() -> None:
    """134 and 127 of 165, 5 and 6 of 115."""
    entries = entries_of(FRESH)
    assert rate(entries, "right", with_field=True) >= 0.81
    assert rate(entries, "right", with_field=False) >= 0.76
    assert rate(entries, "wrong", with_field=True) <= 0.05
    assert rate(entries, "wrong", with_field=False) <= 0.06


@pytest.mark.parametrize("with_field", [True, False])
def test_negations_and_lists_that_nothing_was_learned_from_earn_nothing(with_field: bool) -> None:
    entries = [entry for entry in entries_of(*HELD_OUT) if entry.kind in ("negation", "stuffed")]
    assert rate(entries, "wrong", with_field=with_field) == 0
