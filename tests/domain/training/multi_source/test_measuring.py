"""What checks and blocks measure in common."""

from __future__ import annotations

import numpy as np
import pytest

from domain.training.multi_source.measuring import _repeats, known_association, moments, share
from domain.training.multi_source.tables import Frame
from domain.training.randomness import Floats, Ints, Stream


def test_moments_have_the_bits_of_mean_and_variance() -> None:
    values = np.random.default_rng(5).normal(size=(1234, 8)) * 1e3
    mean, variance = moments(values)
    assert mean.tolist() == values.mean(0).tolist()
    assert variance.tolist() == values.var(0).tolist()


def test_an_association_around_the_means_of_the_sources_leaves_out_empty_cells_and_differences_of_sources() -> None:
    draw = Stream(5, "known")
    label, source = draw.below(3, 600), draw.below(2, 600)
    told = draw.normal(600) + label
    values = np.stack([told, told + 40.0 * source, draw.normal(600)], axis=1)
    found = known_association(_frame(label, source, values), 3)
    assert abs(found[0] - found[1]) < 1e-6 and found[0] > 0.25 > 0.02 > found[2]
    values[draw.below(600, 90)] = np.nan
    assert abs(known_association(_frame(label, source, values), 3)[0] - found[0]) < 0.05


def _frame(label: Ints, source: Ints, values: Floats) -> Frame:
    zeros = np.zeros(len(label), dtype=np.int64)
    return Frame(
        row=zeros,
        source=source,
        month=zeros,
        customer=zeros,
        label=label,
        values=values,
        tokens=zeros,
        weight=values[:, 0],
    )


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
