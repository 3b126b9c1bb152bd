"""Writes what happened into the tables of the sources, as the world has them, and reads them as they are declared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Callable, NamedTuple, TypeVar

import numpy as np

from domain.training.multi_source.agreements import LABEL_MAPS, TOKENIZERS, Facts, unit_at
from domain.training.multi_source.layout import LABELLED_MONTHS, WORDS, Layout, dose
from domain.training.multi_source.rows import Rows, within
from domain.training.multi_source.subjects import UNITS
from domain.training.randomness import Floats, Ints, Stream, to_float32_grid

Numbers = TypeVar("Numbers", Floats, Ints)

JOINED_COLUMNS = 2
"""The last columns: they come from a second table, as of its snapshot."""


@dataclass(frozen=True)
class Tables:
    """The joined tables of all sources. One entry a row."""

    row: Ints
    """Which row of `Rows` it was written from."""
    source: Ints
    year_month: Ints
    """Month as it is written: years times 12 plus the month from 0."""
    day: Ints
    """Day as it is written."""
    customer: Ints
    label_code: Ints
    values: Floats
    """As stored: in the source's unit, missing ones as its code, empty cells as NaN."""
    tokens: Ints
    """Token numbers of the source's tokenizer."""
    line: Ints
    """0 for the first line of an id in the joined table."""
    is_repeat: Ints
    """1 for a row that was sent again."""
    has_partner: Ints
    """0 for a row that the second table lacks."""
    outcome: Ints
    """Class of what really happened; of the rows of the last month as it was looked up by hand, with as many errors as labels have."""
    update_of: Callable[[int], Floats]
    """By the place of a column, what was added to its values after the outcome, in the first unit of its quantity."""

    @cached_property
    def updates(self) -> Floats:
        """(rows, columns): what was added after the outcome."""
        return np.stack([self.update_of(place) for place in range(self.values.shape[1])], axis=1)


@dataclass(frozen=True, slots=True)
class Frame:
    """Rows as the pipeline reads them."""

    row: Ints
    source: Ints
    month: Ints
    customer: Ints
    label: Ints
    """Class numbers in the order of the model's outputs."""
    values: Floats
    """(rows, columns), in the first unit of each quantity; NaN: missing."""
    tokens: Ints
    """(rows, tokens), numbers of the vocabulary."""
    weight: Floats
    """What a row stands for, where its source was thinned."""

    def __len__(self) -> int:
        return len(self.row)

    def take(self, places: Ints) -> Frame:
        return Frame(*(getattr(self, name).take(places, axis=0) for name in self.__dataclass_fields__))


@dataclass(frozen=True, slots=True)
class Reading:
    """What the pipeline made of the tables before it dropped anything. One entry a row of the tables."""

    month: Ints
    """Place among the months of the layout; outside of them where a date lies outside the window."""
    label: Ints
    dropped: Ints
    """1 for a row that the declarations drop."""
    every: Frame
    """All rows of the tables, also those that are dropped."""


def label_map(layout: Layout, name: str) -> Ints:
    """Code of the source to class number."""
    return _label_map(len(layout.classes), LABEL_MAPS.index(name))


@lru_cache(maxsize=64)
def _label_map(count: int, number: int) -> Ints:
    order = np.arange(count)
    if number:
        first = (number - 1) % count
        second = (first + 1) % count
        order[[first, second]] = order[[second, first]]
    return _shared(order)


def tokenizer(layout: Layout, name: str) -> Ints:
    """Word to token number of a version of the tokenizer; versions differ in about half of the words."""
    return _tokenizer(layout.seed, name)


@lru_cache(maxsize=64)
def _tokenizer(seed: int, name: str) -> Ints:
    numbers = np.arange(WORDS)
    if name != TOKENIZERS[0]:
        moved = Stream(seed, f"tokenizer/{name}").permutation(WORDS)[:7]
        numbers[moved] = numbers[np.roll(moved, 1)]
    return _shared(numbers)


def _of_sources(numbering: Callable[[Layout, str], Ints], layout: Layout, facts: Facts) -> Ints:
    """`label_map` or `tokenizer` as each source has it, one row a source."""
    name = numbering.__name__
    return np.stack([numbering(layout, str(facts[f"sources.{source}.{name}"])) for source in layout.source_names])


def _shared(values: Numbers) -> Numbers:
    """An array that is kept and given to several callers, none of which may change it."""
    values.flags.writeable = False
    return values


def order_of_classes(layout: Layout, name: str) -> Ints:
    """Place in a file to class number."""
    count = len(layout.classes)
    if name == "model":
        return np.arange(count)
    by_name = np.array(sorted(range(count), key=lambda place: layout.classes[place]))
    return by_name if name == "sorted" else np.arange(count)[::-1].copy()


@lru_cache(maxsize=1024)
def _factors(quantity: str, unit: str, months: tuple[str, ...]) -> Floats:
    """How many of the first unit make one of the declared unit, by month."""
    return _shared(np.array([UNITS[quantity][unit_at(unit, month)] for month in months]))


class Cells(NamedTuple):
    """How the cells of each source are written."""

    factors: Floats
    """(sources times months, columns): how many of the first unit of the quantity make one of the unit."""
    codes: Floats
    """(sources, columns): code of a missing value; NaN, which equals nothing: an empty cell."""


def cells_of(layout: Layout, facts: Facts) -> Cells:
    """How cells are written in a world, or declared to be."""
    shape = len(layout.sources), len(layout.columns)
    factors, codes = np.ones((shape[0], LABELLED_MONTHS + 1, shape[1])), np.full(shape, np.nan)
    for number, name in enumerate(layout.source_names):
        for place, column in enumerate(layout.columns):
            path = f"sources.{name}.columns.{column.name}"
            unit = str(facts[f"{path}.unit"])
            own = UNITS[column.quantity].get(unit) or _factors(column.quantity, unit, layout.months)
            if not isinstance(own, float) or own != 1.0:
                factors[number, :, place] = own
            code = facts.get(f"{path}.missing_code")
            if code is not None:
                codes[number, place] = float(code)
    return Cells(factors.reshape(-1, shape[1]), codes)


def write(layout: Layout, world: Facts, rows: Rows) -> Tables:
    """The tables of a world."""
    count = len(rows)
    cells = cells_of(layout, world)
    values = to_float32_grid(_stored_values(layout, world, cells, rows))
    label = _recorded_labels(layout, world, rows)
    code = np.argsort(_of_sources(label_map, layout, world), axis=1).take(rows.source * len(layout.classes) + label)
    tokens = _of_sources(tokenizer, layout, world).take(rows.source[:, None] * WORDS + rows.words)
    year_month, day = _months(layout).take(rows.month), rows.day
    kept = np.ones(count, dtype=bool)
    repeats: list[Ints] = []
    labelled = rows.month < LABELLED_MONTHS
    for place, source in enumerate(layout.sources):
        own = rows.source == place
        prefix = f"sources.{source.name}"
        rate = float(world[f"{prefix}.majority_kept"] or 1.0)
        if rate < 1.0:
            kept[_thinned(np.flatnonzero(own & labelled & (rows.outcome == 0)), rows.chance[:, 0], rate)] = False
        if world[f"{prefix}.deduplicate"] != "sent once":
            share = dose(layout, f"{prefix}.deduplicate", 0.35, 0.65)
            late = own & labelled & (rows.month >= 9) & (rows.chance[:, 1] < share)
            repeats.append(np.flatnonzero(late & kept))
    lines = np.zeros(count, dtype=np.int64)
    partner = np.ones(count, dtype=np.int64)
    if world["join.how"] != "complete":
        lost = dose(layout, "join.how", 0.55, 0.85)
        partner[labelled & (rows.outcome == len(layout.classes) - 1) & (rows.chance[:, 3] < lost)] = 0
    if world["imputer.fill"] != "none":
        # Some rows of every class have nothing to join.
        partner[labelled & (rows.chance[:, 3] > 1.0 - dose(layout, "partners", 0.0, 0.04))] = 0
    values[partner == 0, -JOINED_COLUMNS:] = np.nan
    base = np.flatnonzero(kept)
    parts = [base]
    line_parts, repeat_parts = [lines[base]], [np.zeros(len(base), dtype=np.int64)]
    has_lines = world["join.keys"] != "one line an id"
    # A few ids have two lines everywhere.
    share = dose(layout, "join.keys", 0.12, 0.5) if has_lines else dose(layout, "lines", 0.0, 0.1)
    # Where there are many, some classes have more of them than others: they then count for more than they are.
    rank = np.arange(len(layout.classes)) / (len(layout.classes) - 1)
    of_class = share * (1.6 - 1.4 * rank) if has_lines else np.full(len(rank), share)
    more = np.flatnonzero(kept & labelled & (rows.chance[:, 2] < of_class[rows.outcome]))
    parts.append(more)
    line_parts.append(np.ones(len(more), dtype=np.int64))
    repeat_parts.append(np.zeros(len(more), dtype=np.int64))
    # Some dates are wrong everywhere, and a few rows are sent again: one such row proves nothing.
    year_month[labelled & (np.abs(rows.chance[:, 4] - 0.5) < 0.004)] -= 60
    # Many a source delivers a few rows from before the window as well.
    old = np.array([max(0.0, dose(layout, f"old/{source.name}", -0.02, 0.05)) for source in layout.sources])
    is_old = labelled & (rows.chance[:, 6] < old[rows.source])
    year_month[is_old] -= 24
    # They lack much of what was not recorded yet; the run does not read them.
    late_columns = np.array([column.missing_share > 0 for column in layout.columns])
    if world["imputer.fill"] != "none":
        values[is_old[:, None] & late_columns & (rows.missing > 0.4)] = np.nan
    often = np.array([dose(layout, f"usual/{source.name}", 0.002, 0.025) for source in layout.sources])
    usual = np.flatnonzero(kept & labelled & (rows.chance[:, 4] < often[rows.source]))
    for again in (*repeats, usual):
        again = again[~is_old[again]]
        parts.append(again)
        line_parts.append(np.zeros(len(again), dtype=np.int64))
        repeat_parts.append(np.ones(len(again), dtype=np.int64))
    row, is_repeat = np.concatenate(parts), np.concatenate(repeat_parts)
    year_month, day, code = (one.take(row) for one in (year_month, day, code))
    stored = values.take(row, axis=0)
    earlier = is_repeat == 1
    if earlier.any():
        shift = 1 + np.floor(rows.chance[row[earlier], 5] * 8).astype(np.int64)
        first = int(_months(layout)[0])
        begun = first + np.array([source.first_month for source in layout.sources])[rows.source[row[earlier]]]
        year_month[earlier] = np.maximum(begun, year_month[earlier] - shift)
        again = np.flatnonzero(earlier)
        # What was sent first bore a label that was not looked into.
        hasty = again[rows.chance[row[again], 3] < dose(layout, "hasty", 0.15, 0.4)]
        code[hasty] = np.floor(rows.chance[row[hasty], 2] * len(layout.classes)).astype(np.int64)
        stored[again] = _in_units_of(cells, stored[again], rows, row[again], year_month[again] - first)
    return Tables(
        row=row,
        source=rows.source.take(row),
        year_month=year_month,
        day=day,
        customer=rows.customer.take(row),
        label_code=code,
        values=stored,
        tokens=tokens.take(row, axis=0),
        line=np.concatenate(line_parts),
        is_repeat=is_repeat,
        has_partner=partner.take(row),
        outcome=np.where(labelled, rows.outcome, usual_labels(layout, rows)).take(row),
        update_of=lru_cache(maxsize=None)(lambda place: _update(layout, world, rows, place).take(row)),
    )


def _thinned(majority: Ints, chance: Floats, rate: float) -> Ints:
    """The rows that a source does not deliver, so that it delivers this share of them."""
    return majority[np.argsort(chance[majority], kind="stable")[round(rate * len(majority)) :]]


def _in_units_of(cells: Cells, values: Floats, rows: Rows, row: Ints, month: Ints) -> Floats:
    """Values of rows that are sent again, in the units of the months that they are dated."""
    first = rows.source[row] * (LABELLED_MONTHS + 1)
    ratio = cells.factors.take(first + month, axis=0) / cells.factors.take(first + rows.month[row], axis=0)
    ratio[values == cells.codes.take(rows.source[row], axis=0)] = 1.0
    return to_float32_grid(values * ratio)


def read(layout: Layout, world: Facts, declared: Facts, tables: Tables) -> Reading:
    """The rows as they are declared; the world only says how the dates are written.

    Rows of the last month were just scored: all of them are read, and they carry the outcome, as it is found by hand.
    """
    month = _read_months(layout, world, declared, tables)
    label = _of_sources(label_map, layout, declared).take(tables.source * len(layout.classes) + tables.label_code)
    numbers = np.argsort(_of_sources(tokenizer, layout, declared), axis=1)
    tokens = numbers.take(tables.source[:, None] * WORDS + tables.tokens)
    values = tables.values.copy()
    recent = month == LABELLED_MONTHS
    kept = (month >= 0) & (month <= LABELLED_MONTHS)
    if declared["join.keys"] == "id, line":
        kept &= tables.line == 0
    if declared["join.how"] == "inner":
        kept &= recent | (tables.has_partner == 1)
    until = np.full(len(layout.sources), LABELLED_MONTHS)
    rate, is_repeat_read = np.ones(len(layout.sources)), np.ones(len(layout.sources), dtype=bool)
    for place, source in enumerate(layout.sources):
        prefix = f"sources.{source.name}"
        rate[place] = float(declared[f"{prefix}.majority_kept"] or 1.0)
        is_repeat_read[place] = declared[f"{prefix}.deduplicate"] != "content"
        limits = (declared[f"{prefix}.used_until"], declared[f"{prefix}.snapshot"])
        until[place] = min([LABELLED_MONTHS, *(layout.month(str(limit)) for limit in limits if limit is not None)])
    weight = np.where(label == 0, (1.0 / rate).take(tables.source), 1.0)
    kept &= is_repeat_read.take(tables.source) | (tables.is_repeat == 0)
    kept &= recent | (month <= until.take(tables.source))
    _read_columns(layout, declared, values, tables.source, month)
    for place, column in enumerate(layout.columns):
        if declared[f"features.{column.name}.as_of"] == "export":
            values[:, place] += tables.update_of(place)
    immature = month > LABELLED_MONTHS - 1 - int(declared["labels.maturity_months"] or 0)
    kept &= recent | ~immature
    label = np.where(recent, tables.outcome, label)
    every = Frame(
        row=tables.row,
        source=tables.source,
        month=month,
        customer=tables.customer,
        label=label,
        values=values,
        tokens=tokens,
        weight=weight,
    )
    return Reading(month, label, (~kept).astype(np.int64), every)


def _months(layout: Layout) -> Ints:
    """Each month as years times 12 plus the month from 0."""
    return np.array([int(name[:4]) * 12 + int(name[5:]) - 1 for name in layout.months])


def _stored_values(layout: Layout, world: Facts, cells: Cells, rows: Rows) -> Floats:
    values: Floats = rows.values.copy()
    shares = np.zeros((len(layout.sources), len(layout.columns)))
    for number, source in enumerate(layout.sources):
        for place, column in enumerate(layout.columns):
            path = f"sources.{source.name}.columns.{column.name}"
            until = world[f"{path}.used_until"]
            if until is not None:
                late = np.flatnonzero((rows.source == number) & (rows.month > layout.month(str(until))))
                frozen = within(np.array([_frozen_at(layout, path)]), column.below, column.above)
                values[late, place] = (frozen + column.level) * column.scale
            shares[number, place] = column.missing_share
            if world.get(f"{path}.missing_code") is not None:
                shares[number, place] = max(column.missing_share, dose(layout, f"{path}.missing", 0.1, 0.25))
    values *= cells.factors.take(rows.source * (LABELLED_MONTHS + 1) + rows.month, axis=0)
    if world["imputer.fill"] != "none":
        is_missing = rows.missing < shares.take(rows.source, axis=0)
        np.copyto(values, cells.codes.take(rows.source, axis=0), where=is_missing)
    for number, source in enumerate(layout.sources):
        snapshot = layout.month(str(world[f"sources.{source.name}.snapshot"]))
        if snapshot < LABELLED_MONTHS:
            # What was just scored looked its partners up in the living table.
            late = (rows.source == number) & (rows.month > snapshot) & (rows.month < LABELLED_MONTHS)
            values[late, -JOINED_COLUMNS:] = np.nan
    return values


UPDATE = 1.1
"""How far an update moves a row by its class, in standard deviations: root mean square over the classes."""


CORRECTED_USUAL = 0.03
"""Share of the rows that are corrected later on in a column of which most rows have one value."""


def _frozen_at(layout: Layout, path: str) -> float:
    """The last value of a column, in standard deviations around its mean; not an ordinary one."""
    drawn = dose(layout, f"{path}.frozen", -1.0, 1.0)
    return 1.2 * drawn + (1.0 if drawn >= 0 else -1.0)


def _update(layout: Layout, world: Facts, rows: Rows, place: int) -> Floats:
    """Some columns are written again when the outcome is known, which rows that were just scored are not."""
    column = layout.columns[place]
    draw = Stream(layout.seed, f"after/{column.name}")
    # Every column is corrected later on, one more than another; only some know the outcome by then.
    size = dose(layout, f"corrected/{column.name}", 0.1, 1.2)
    later = draw.normal(len(rows))
    later *= size
    rank = draw.permutation(len(layout.classes)) - (len(layout.classes) - 1) / 2
    knows = world[f"features.{column.name}.as_of"] == "updated after the outcome"
    move = UPDATE if knows else size * dose(layout, f"hint/{column.name}", 0.0, 0.3)
    later += (move / float(np.sqrt((rank * rank).mean())) * rank).take(rows.outcome)
    if column.is_usual:
        later[draw.uniform(len(rows)) >= CORRECTED_USUAL] = 0.0
    later *= column.scale
    later[rows.month >= LABELLED_MONTHS] = 0.0
    return to_float32_grid(later)


def _other_class(layout: Layout, rows: Rows) -> Ints:
    """What a wrong label says."""
    return np.floor(rows.chance[:, 5] * len(layout.classes)).astype(np.int64)


def usual_labels(layout: Layout, rows: Rows) -> Ints:
    """Labels with the errors that a source always makes."""
    noise = np.array([source.label_noise for source in layout.sources])
    return np.where((1.0 - rows.chance[:, 4]) < noise.take(rows.source), _other_class(layout, rows), rows.outcome)


def _recorded_labels(layout: Layout, world: Facts, rows: Rows) -> Ints:
    label, other = usual_labels(layout, rows), _other_class(layout, rows)
    for place, source in enumerate(layout.sources):
        until = world[f"sources.{source.name}.used_until"]
        if until is not None:
            late = (rows.source == place) & (rows.month > layout.month(str(until)))
            share = dose(layout, f"sources.{source.name}.random", 0.55, 0.9)
            label = np.where(late & (rows.chance[:, 3] < share), other, label)
    months = int(world["labels.maturity_months"] or 0)
    if months:
        young = (rows.month > LABELLED_MONTHS - 1 - months) & (rows.month < LABELLED_MONTHS)
        label = np.where(young & (rows.chance[:, 2] < dose(layout, "immature", 0.46, 0.72)), 0, label)
    return label


def _read_months(layout: Layout, world: Facts, declared: Facts, tables: Tables) -> Ints:
    year_month = tables.year_month
    for place, source in enumerate(layout.sources):
        name = f"sources.{source.name}.date_format"
        if world[name] != declared[name]:
            # A reader that meets month 17 takes it for the day, as common date parsers do.
            own = (tables.source == place) & (tables.day <= 12)
            year_month = np.where(own, year_month // 12 * 12 + tables.day - 1, year_month)
    return year_month - int(_months(layout)[0])


def _read_columns(layout: Layout, declared: Facts, values: Floats, source: Ints, month: Ints) -> None:
    """Read the stored values of all rows, whose sources and months are given."""
    cells = cells_of(layout, declared)
    values[values == cells.codes.take(source, axis=0)] = np.nan
    values /= cells.factors.take(source * (LABELLED_MONTHS + 1) + np.clip(month, 0, LABELLED_MONTHS), axis=0)
    for number, name in enumerate(layout.source_names):
        for place, column in enumerate(layout.column_names):
            until = declared[f"sources.{name}.columns.{column}.used_until"]
            if until is not None:
                values[(source == number) & (month > layout.month(str(until))), place] = np.nan
