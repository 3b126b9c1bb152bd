"""What happened: drawn as a binary search of the cumulative probabilities would draw it."""

from __future__ import annotations

import numpy as np

from domain.training.multi_source.layout import table
from domain.training.multi_source.rows import _pick as pick
from domain.training.randomness import Stream


def test_a_drawn_column_is_what_a_binary_search_finds():
    draw, rows, columns = Stream(2, "picks"), 30, 12
    # Uneven, so that several columns lie in one cell of the guide table.
    cumulative = table(draw.uniform(rows * columns).reshape(rows, columns) ** 8)
    row, uniform = draw.below(rows, 20_000), draw.uniform(20_000)
    # Also at the ends of columns, where a number belongs to the next one.
    row[: rows * columns] = np.repeat(np.arange(rows), columns)
    uniform[: rows * columns] = np.minimum(cumulative.ravel(), 1.0 - 2.0**-53)
    flat = (cumulative + np.arange(rows)[:, None]).ravel()
    expected = np.searchsorted(flat, uniform + row, side="right") - row * columns
    assert np.array_equal(pick(cumulative, row, uniform), expected)
