"""What a log filter keeps."""

from __future__ import annotations

import time

import pytest

from domain.episode.query import filter_lines
from domain.episode.state import normalise_filter
from tests.hand_made import LOG


@pytest.mark.parametrize(
    ("log_filter", "first_words"),
    [
        ("epoch:2", ["[EPOCH 02]"]),
        ("Epoch:1-2 ", ["[EPOCH 01]", "[EPOCH 02]"]),
        ("epoch:2-10", ["[EPOCH 02]", "[EPOCH 10]"]),
        ("epoch:5-2", []),
        ("epoch:0001", ["[EPOCH 01]"]),
        ("epoch:", []),
        ("epoch:x", []),
        ("warn", ["[WARN] slow"]),
        ("VAL_ACC=0.7", ["[EPOCH 10]"]),
        ("(a+)+$", []),
        ("nothing like it", []),
    ],
)
def test_filter_keeps_matching_lines_in_order(log_filter: str, first_words: list[str]) -> None:
    kept = filter_lines(LOG, log_filter)
    assert [line[: len(start)] for line, start in zip(kept, first_words, strict=True)] == first_words


def test_an_epoch_form_that_does_not_parse_is_a_keyword() -> None:
    assert filter_lines("see epoch:x\nother\n", "epoch:x") == ["see epoch:x"]


def test_filters_compare_trimmed_and_lower_case_and_blank_is_none() -> None:
    assert normalise_filter("  Epoch:3 ") == "epoch:3"
    assert normalise_filter("  ") is None
    assert normalise_filter(None) is None


def test_a_hostile_filter_takes_linear_time() -> None:
    text = ("epoch " * 5_000 + "\n") * 20
    started = time.perf_counter()
    filter_lines(text, "epoch:1-999999999")
    filter_lines(text, "e" * 300)
    assert time.perf_counter() - started < 1.0
