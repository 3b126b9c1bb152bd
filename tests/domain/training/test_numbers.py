"""Numbers as JSON: many at once are rounded as each of them."""

from __future__ import annotations

import numpy as np
import pytest

from domain.training.artifacts.numbers import all_to_json, to_json
from domain.training.randomness import Floats, Stream


def _assert_rounded_alike(values: Floats) -> None:
    # As text, which tells 0.0 from -0.0.
    assert repr(all_to_json(values)) == repr([to_json(value) for value in values.ravel().tolist()])


def test_numbers_of_every_size_are_rounded_together_as_one_by_one():
    draw = Stream(1, "sizes")
    _assert_rounded_alike(draw.normal(4000) * 10.0 ** np.floor(50 * draw.uniform(4000) - 25))


def test_ties_and_shares_are_rounded_together_as_one_by_one():
    _assert_rounded_alike(np.arange(20_000) / 2.0)  # 10000.5 lies in the middle
    _assert_rounded_alike(np.arange(100_000, 110_000) / 1e6)
    _assert_rounded_alike(np.outer(np.arange(100), 1.0 / np.arange(1, 100)))


@pytest.mark.parametrize(
    "value",
    [0.0, -0.0, 1.0, 9999.0, 9999.5, 99995.0, 0.99995, 1e22, 1e23, -1e-22, 1e300, 5e-324, np.nan, np.inf, -np.inf],
)
def test_special_numbers_are_rounded_together_as_one_by_one(value):
    _assert_rounded_alike(np.array([value]))
