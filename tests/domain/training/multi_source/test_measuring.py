"""What checks and blocks measure in common."""

from __future__ import annotations

import numpy as np
import pytest

from domain.training.multi_source.measuring import _repeats, association, known_association, moments, share


def test_moments_have_the_bits_of_mean_and_variance() -> None:
    values = np.random.default_rng(5).normal(size=(1234, 8)) * 1e3
    mean, variance = moments(values)
    assert mean.tolist() == values.mean(0).tolist()
    assert variance.tolist() == values.var(0).tolist()


def test_an_association_of_known_cells_is_that_of_the_column_without_the_others() -> None:
    draw = np.random.default_rng(6)
    labels = draw.integers(0, 3, 400)
    values = draw.normal(size=(400, 2)) + labels[:, None]
    assert known_association(values, labels, 3) == pytest.approx(association(values, labels, 3))
    known = draw.uniform(size=400) < 0.7
    values[~known, 0] = np.nan
    expected = association(values[known, :1], labels[known], 3)
    assert known_association(values, labels, 3)[:1] == pytest.approx(expected)


def test_the_repeats_of_a_column_are_the_cells_whose_value_another_has() -> None:
    column = np.array([2.5, np.nan, -1.0, 0.0, 2.5, -0.0, 7.0, -1.0, -1.0])
    found = _repeats(column)
    groups = {name: {*found.row[found.name == name].tolist()} for name in {*found.name.tolist()}}
    assert sorted(map(sorted, groups.values())) == [[0, 4], [2, 7, 8], [3, 5]]
    assert (found.most, found.known) == (3, 8)


@pytest.mark.parametrize("column", [[], [np.nan, np.nan]])
def test_an_empty_column_has_no_repeats(column: list[float]) -> None:
    found = _repeats(np.array(column, dtype=np.float64))
    assert (len(found.row), found.most, found.known) == (0, 0, 0)


def test_a_share_is_a_mean_and_none_of_nothing() -> None:
    assert share(np.array([True, False, True])) == 0.6667
    assert share(np.array([1.5, 2.5])) == 2.0
    assert share(np.array([], dtype=bool)) is None
