"""Batches of an audit: by scenario, and those that an earlier audit has derived by themselves."""

from __future__ import annotations

import pytest

from server.audit.episode_index import EpisodeIndex, open_index

Shape = list[list[str]]


def shape(index: EpisodeIndex, size: int) -> Shape:
    return [[f"{digest}{name}" for name, digest in batch] for batch in index.batches(size)]


def filled(index: EpisodeIndex, scenarios: str) -> None:
    """An episode for each letter, named 0, 1, …, on the scenario that the letter names."""
    index.add(str(number) for number in range(len(scenarios)))
    index.set_scenarios((str(number), digest) for number, digest in enumerate(scenarios))


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


def test_those_that_are_left_out_are_in_no_batch_until_they_are_taken_up_again() -> None:
    with open_index() as index:
        filled(index, "aabb")
        index.connection.execute("CREATE TABLE derived AS SELECT name FROM episode WHERE name < '3'")
        assert index.leave_out_those_in("derived") == 3
        assert (shape(index, 2), index.count_left(), len(index)) == ([["b3"]], (1, 1), 4)
        index.take_up_again("1")
        assert (shape(index, 2), index.count_left(), len(index)) == ([["a1", "b3"]], (2, 2), 4)


def test_names_that_are_there_keep_their_scenario() -> None:
    with open_index() as index:
        index.add_with_scenarios([("0", "a"), ("1", "b")])
        index.add("12")
        assert shape(index, 9) == [["2", "a0", "b1"]]
