"""What checks and blocks measure in common."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from domain.training.multi_source.details import _moments_of
from domain.training.multi_source.layout import LABELLED_MONTHS
from domain.training.multi_source.measuring import (
    _repeats,
    association,
    association_within_sources,
    first_of,
    known_association,
    share,
)
from domain.training.multi_source.run import _median, moments
from domain.training.multi_source.tables import Frame
from domain.training.randomness import Floats, Ints, Stream


def test_moments_have_the_bits_of_mean_and_variance() -> None:
    values = np.random.default_rng(5).normal(size=(1234, 8)) * 1e3
    mean, variance = moments(values)
    assert mean.tolist() == values.mean(0).tolist()
    assert variance.tolist() == values.var(0).tolist()


def test_moments_of_cells_have_the_bits_of_the_moments_of_their_rows() -> None:
    draw = np.random.default_rng(6)
    values, cell = draw.normal(size=(3000, 8)) * 1e3, draw.integers(0, 6, 3000)
    rows, mean, variance = _moments_of(values, cell, (2, 3, 8))
    for at in range(6):
        expected = moments(values[cell == at])
        assert rows.reshape(6, 8)[at].tolist() == [np.count_nonzero(cell == at)] * 8
        assert mean.reshape(6, 8)[at].tolist() == expected[0].tolist()
        assert variance.reshape(6, 8)[at].tolist() == expected[1].tolist()


def test_an_association_around_the_means_of_the_sources_leaves_out_empty_cells_and_differences_of_sources() -> None:
    draw = Stream(5, "known")
    label, source = draw.below(3, 600), draw.below(2, 600)
    told = draw.normal(600) + label
    values = np.stack([told, told + 40.0 * source, draw.normal(600)], axis=1)
    found = association_within_sources(_frame(label, source, values), 3)
    assert abs(found[0] - found[1]) < 1e-6 and found[0] > 0.25 > 0.02 > found[2]
    values[draw.below(600, 90)] = np.nan
    assert abs(association_within_sources(_frame(label, source, values), 3)[0] - found[0]) < 0.05


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


def test_moments_of_cells_leave_out_what_is_not_there() -> None:
    draw = np.random.default_rng(7)
    values, cell = draw.normal(size=(600, 2)), draw.integers(0, 6, 600)
    values[draw.uniform(size=600) < 0.4, 1] = np.nan
    values[cell == 5, 1] = np.nan
    rows, mean, _ = _moments_of(values, cell, (2, 3, 2))
    for at in range(5):
        own = values[cell == at, 1]
        assert rows.reshape(6, 2)[at, 1] == np.count_nonzero(~np.isnan(own))
        assert mean.reshape(6, 2)[at, 1] == pytest.approx(np.nanmean(own))
    assert (rows.reshape(6, 2)[5, 1], mean.reshape(6, 2)[5, 1]) == (0, 0.0)


def test_an_association_of_known_cells_is_that_of_the_column_without_the_others() -> None:
    draw = np.random.default_rng(6)
    labels = draw.integers(0, 3, 400)
    values = draw.normal(size=(400, 2)) + labels[:, None]
    assert known_association(values, labels, 3) == pytest.approx(association(values, labels, 3))
    known = draw.uniform(size=400) < 0.7
    values[~known, 0] = np.nan
    expected = association(values[known, :1], labels[known], 3)
    assert known_association(values, labels, 3)[:1] == pytest.approx(expected)


@pytest.mark.parametrize("count", [1, 2, 3, 10, 801])
def test_a_median_is_that_of_numpy(count: int) -> None:
    values = np.random.default_rng(count).normal(size=count)
    assert _median(values) == np.median(values)
    assert _median(values[:0]) == 0.0


def test_the_most_frequent_value_is_counted_in_all_rows_in_each_source_and_in_each_of_its_months() -> None:
    draw = np.random.default_rng(3)
    values = draw.integers(-3, 3, (400, 3)).astype(np.float64)
    values[:, 1] = np.where(draw.random(400) < 0.3, np.nan, -0.0)
    values[:, 2] = np.arange(400)
    source, month = draw.integers(0, 3, 400), draw.integers(-2, LABELLED_MONTHS + 3, 400)
    found = _repeats(values, source, month, 3)

    def most(rows: NDArray[np.bool_], column: int) -> int:
        return max(Counter(one for one in (values[rows, column] + 0.0).tolist() if one == one).values(), default=0)

    every, months = np.ones(400, dtype=bool), range(LABELLED_MONTHS + 1)
    inside = (month >= 0) & (month <= LABELLED_MONTHS)
    for column in range(3):
        assert found.overall[column] == most(every, column)
        assert found.known[column] == np.count_nonzero(~np.isnan(values[:, column]))
        assert found.by_source[column].tolist() == [most(inside & (source == at), column) for at in range(3)]
        expected = [most((source == at) & (month == dated), column) for at in range(3) for dated in months]
        assert found.by_month[column].tolist() == expected


@pytest.mark.parametrize("rows", [0, 1, 300])
def test_the_first_places_of_numbers_are_those_of_numpy(rows: int) -> None:
    number = np.random.default_rng(rows).integers(1_000_000, 1_000_100, rows)
    assert first_of(number).tolist() == np.unique(number, return_index=True)[1].tolist()


@pytest.mark.parametrize("rows", [0, 4])
def test_an_empty_column_has_no_most_frequent_value(rows: int) -> None:
    place = np.zeros(rows, dtype=np.int64)
    found = _repeats(np.full((rows, 1), np.nan), place, place, 1)
    assert [one.max() for one in found] == [0, 0, 0, 0]


def test_a_share_is_a_mean_and_none_of_nothing() -> None:
    assert share(np.array([True, False, True])) == 0.6667
    assert share(np.array([1.5, 2.5])) == 2.0
    assert share(np.array([], dtype=bool)) is None
