"""What the data of a run are made of, apart from what can be declared wrongly: subject, sources, months, columns, sizes."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from domain.training.multi_source.subjects import SOURCES, SUBJECTS, UNITS, Measure
from domain.training.randomness import Floats, Stream
from domain.training.style import SeedSplit

LABELLED_MONTHS = 12
"""Months whose rows carry labels; one more follows, of rows that were scored after the training."""
COLUMNS = 8
"""Numeric columns of a table."""
WORDS = 12
"""Words of the made-up vocabulary of the free text."""
TOKENS = 5
"""Words of each row's text."""


@dataclass(frozen=True, slots=True)
class Column:
    """One numeric column."""

    name: str
    quantity: str
    scale: float
    """Standard deviation of its values, in the first unit of the quantity."""
    level: float
    """Mean of its values, in standard deviations."""
    is_heavy: bool
    """Whether its tails are heavy."""
    is_usual: bool
    """Whether most rows have one and the same value of it; true of one column."""
    missing_share: float
    below: float
    """How far values can lie below the mean, in standard deviations."""
    above: float
    """The same above it."""

    @property
    def units(self) -> tuple[str, ...]:
        return tuple(UNITS[self.quantity])


@dataclass(frozen=True, slots=True)
class Source:
    """One source of rows, such as a site or a vendor."""

    name: str
    weight: float
    """Its share of the rows, before normalising."""
    first_month: int
    """The month it began with, 0 for nearly all."""
    label_noise: float
    """Share of its labels that are wrong all the time; of some sources far more than of others."""


@dataclass(frozen=True)
class Layout:
    """The parts of the data of one run."""

    seed: int
    dataset: str
    vendor: str
    classes: tuple[str, ...]
    """In the order of the model's outputs; never alphabetical."""
    columns: tuple[Column, ...]
    sources: tuple[Source, ...]
    months: tuple[str, ...]
    """Labelled months and the month after them, as ``2026-03``."""
    rows: int
    """Labelled rows, before anything is dropped or repeated."""
    separation: float
    """Distance of the class means, in standard deviations."""

    @cached_property
    def source_names(self) -> tuple[str, ...]:
        return tuple(source.name for source in self.sources)

    @cached_property
    def large_sources(self) -> tuple[str, ...]:
        """The larger half of the sources."""
        usual = sorted(source.weight for source in self.sources)[len(self.sources) // 2]
        return tuple(source.name for source in self.sources if source.weight >= usual)

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        return self.columns[self.column_names.index(name)]

    def month(self, name: str) -> int:
        """Place of a month."""
        return self.months.index(name)


@lru_cache(maxsize=64)
def draw_layout(seed: int, split: SeedSplit) -> Layout:
    """The layout of a seed (0 to 2^128 - 1)."""
    draw = Stream(seed, "layout")
    subject = draw.choice(SUBJECTS[split])
    names = [SOURCES[split][place] for place in draw.permutation(len(SOURCES[split]))]
    count = draw.integer(3, 6)
    late = draw.integer(0, count - 1)
    sources = tuple(
        Source(
            name=names[number],
            weight=_shown(0.6 + 1.6 * _one(draw)),
            first_month=draw.integer(1, 3) if number == late and draw.integer(0, 1) else 0,
            label_noise=_shown(0.028 + 0.11 * _cube(_one(draw))),
        )
        for number in range(count)
    )
    # Neither the first column, which has missing values, nor one of the second table.
    usual = Stream(seed, "usual-column").integer(1, COLUMNS - 3)
    columns = tuple(
        _column(subject.columns[place], number, draw, is_usual=number == usual)
        for number, place in enumerate(draw.permutation(len(subject.columns))[:COLUMNS])
    )
    return Layout(
        seed=seed,
        dataset=subject.dataset,
        vendor=subject.vendor,
        classes=_class_order(subject.classes[: draw.integer(3, 5)], draw),
        columns=columns,
        sources=sources,
        # Where it begins decides how often a day that is read as a month leaves the window: from hardly to every fifth row.
        months=_months(2023 + draw.integer(0, 2), draw.integer(2, 12)),
        rows=draw.integer(3000, 4200),
        separation=_shown(0.75 + 0.35 * _one(draw)),
    )


def _column(measure: Measure, number: int, draw: Stream, *, is_usual: bool) -> Column:
    mean = measure.typical * _shown(0.9 + 0.2 * _one(draw))
    level = _shown((3.5 + 2.0 * _one(draw)) * measure.evenness)
    scale = _shown(mean / level)
    is_heavy, missing = draw.integer(0, 2) == 0, draw.integer(0, 1) or number == 0
    missing_share = _shown(0.04 + 0.16 * _one(draw)) if missing else 0.0
    return Column(
        name=measure.name,
        quantity=measure.quantity,
        scale=scale,
        level=level,
        is_heavy=is_heavy,
        is_usual=is_usual,
        # Some column always has missing values.
        missing_share=0.0 if is_usual else missing_share,
        below=level - measure.low / scale,
        above=measure.high / scale - level,
    )


def _one(draw: Stream) -> float:
    return float(draw.uniform(1)[0])


def _cube(value: float) -> float:
    # A power may differ in the last bit between machines.
    return value * value * value


def _shown(value: float) -> float:
    """With three digits, so that all machines agree on it."""
    return float(f"{value:.3g}")


def _class_order(names: tuple[str, ...], draw: Stream) -> tuple[str, ...]:
    """A rotation of the alphabetical order: every class stands elsewhere than in `sorted(names)`."""
    ordered = sorted(names)
    shift = draw.integer(1, len(ordered) - 1)
    return tuple(ordered[shift:] + ordered[:shift])


def _months(year: int, month: int) -> tuple[str, ...]:
    places = (year * 12 + month - 1 + np.arange(LABELLED_MONTHS + 1)).tolist()
    return tuple(f"{place // 12}-{place % 12 + 1:02d}" for place in places)


DOSES = 1024
"""How many different doses the data of a run have."""


def dose(layout: Layout, name: str, low: float, high: float) -> float:
    """How strongly something happens in the data of a run where it happens; the same for every state of its world."""
    return low + (high - low) * _doses(layout.seed)[zlib.crc32(name.encode()) % DOSES]


@lru_cache(maxsize=8)
def _doses(seed: int) -> tuple[float, ...]:
    return tuple(Stream(seed, "doses").uniform(DOSES).tolist())


def table(weights: Floats) -> Floats:
    """Row-wise cumulative probabilities on a grid of 2^-30, so that every machine draws the same."""
    sums = np.cumsum(weights, axis=1)
    sums /= sums[:, -1:]
    sums = np.floor(sums * 2.0**30) * 2.0**-30
    sums[:, -1] = 1.0
    return sums
