"""Rows with named columns: what the rendered code calls `df`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.training.randomness import Floats, Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Rows with named columns; `frame["label"]` gives a column, `frame[names]` a matrix of numeric columns."""

    numbers: Floats
    """(rows, numeric columns); NaN where a value is missing."""
    names: tuple[str, ...]
    label_codes: Ints
    classes: tuple[str, ...]
    customer_id: Ints
    segment: Ints
    text: Ints
    """(rows, tokens): word types."""
    index: Ints
    """Row ids: unique, and kept when rows are taken."""
    source: Ints
    """Row id of the original that a resampled row copies; its own id for an original."""
    entropy: int
    """Stands for the operating system's entropy: what `random_state=None` draws from."""

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, key: str | Sequence[str]) -> NDArray[np.float64 | np.int64 | np.str_]:
        if isinstance(key, str):
            if key == "label":
                return np.asarray(self.classes)[self.label_codes]
            return {"customer_id": self.customer_id, "segment": self.segment, "text": self.text}[key]
        return self.numbers[:, [self.names.index(name) for name in key]]

    def take(self, rows: Ints) -> Frame:
        """The rows at these places, in this order."""
        return Frame(
            numbers=self.numbers[rows],
            names=self.names,
            label_codes=self.label_codes[rows],
            classes=self.classes,
            customer_id=self.customer_id[rows],
            segment=self.segment[rows],
            text=self.text[rows],
            index=self.index[rows],
            source=self.source[rows],
            entropy=self.entropy,
        )

    def sort_index(self) -> Frame:
        """The same rows ordered by row id."""
        return self.take(np.argsort(self.index, kind="stable"))


def present_moments(columns: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of what is there of each of some columns."""
    means, deviations = columns.mean(0), columns.std(0)
    for place in np.flatnonzero(np.isnan(means)):
        present = columns[~np.isnan(columns[:, place]), place]
        means[place], deviations[place] = present.mean(), present.std()
    return means, deviations
