"""Batches of an audit: by scenario, and those that an earlier audit has derived by themselves."""

from __future__ import annotations

import pytest

from server.audit.episode_index import EpisodeIndex, open_index

Shape = list[list[str]]


def shape(index: EpisodeIndex, size: int, size_of_last: int | None = None) -> Shape:
    return [[f"{digest}{name}" for name, digest in batch] for batch in index.batches(size, size_of_last)]


def filled(index: EpisodeIndex, scenarios: str, *, known: str = "") -> None:
    """An episode for each letter, named 0, 1, …, on the scenario that the letter names."""
    index.add(str(number) for number in range(len(scenarios)))
    index.set_scenarios((str(number), digest) for number, digest in enumerate(scenarios))
    index.put_last(known)


@pytest.mark.parametrize(
    ("scenarios", "expected"),
    [
        ("ab", [["a0", "b1"]]),
        ("aab", [["a0", "a1"], ["b2"]]),
        ("abb", [["a0"], ["b1", "b2"]]),
        ("aaab", [["a0", "a1"], ["a2", "b3"]]),
        ("", []),
    ],
)
def test_small_groups_are_joined_and_large_ones_split(scenarios: str, expected: Shape) -> None:
    with open_index() as index:
        filled(index, scenarios)
        assert shape(index, 2) == expected


def test_those_that_were_derived_before_come_last_in_batches_of_their_own_size() -> None:
    with open_index() as index:
        filled(index, "aaabbb", known="1245")
        assert shape(index, 1, 3) == [["a0"], ["b3"], ["a1", "a2"], ["b4", "b5"]]
        assert shape(index, 2, 4) == [["a0", "b3"], ["a1", "a2", "b4", "b5"]]
        assert shape(index, 8) == [["a0", "b3"], ["a1", "a2", "b4", "b5"]]


def test_one_that_was_derived_before_is_never_in_a_batch_with_one_that_was_not() -> None:
    with open_index() as index:
        filled(index, "aa", known="1")
        assert shape(index, 8, 8) == [["a0"], ["a1"]]
