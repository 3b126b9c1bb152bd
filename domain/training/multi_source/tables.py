"""Writes what happened into the tables of the sources, as the world has them, and reads them as they are declared."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from domain.training.multi_source.agreements import LABEL_MAPS, TOKENIZERS, UNTIL, Facts, unit_at
from domain.training.multi_source.layout import LABELLED_MONTHS, WORDS, Layout
from domain.training.multi_source.rows import Rows
from domain.training.multi_source.subjects import UNITS
from domain.training.randomness import Floats, Ints, Stream, to_float32_grid

JOINED_COLUMNS = 2
"""The last columns: they come from a second table, as of its snapshot."""


@dataclass(frozen=True, slots=True)
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
    updates: Floats
    """(rows, columns): what was added after the outcome, in the first unit of each quantity."""
    outcome: Ints
    """Class of what really happened; known of every row once it was looked into by hand."""


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
        return Frame(*(getattr(self, name)[places] for name in self.__dataclass_fields__))


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


DOSES = 1024
"""How many different doses a warehouse has."""


def dose(layout: Layout, name: str, low: float, high: float) -> float:
    """How strongly something happens in a warehouse where it happens; the same for every state of its world."""
    return low + (high - low) * _doses(layout.seed)[zlib.crc32(name.encode()) % DOSES]


@lru_cache(maxsize=8)
def _doses(seed: int) -> tuple[float, ...]:
    return tuple(Stream(seed, "doses").uniform(DOSES).tolist())


def label_map(layout: Layout, name: str) -> Ints:
    """Code of the source to class number."""
    count = len(layout.classes)
    order = np.arange(count)
    maps = [order]
    for number, _ in enumerate(LABEL_MAPS[1:]):
        first = number % count
        swapped = maps[0].copy()
        swapped[[first, (first + 1) % count]] = swapped[[(first + 1) % count, first]]
        maps.append(swapped)
    return np.asarray(maps[LABEL_MAPS.index(name)], dtype=np.int64)


def tokenizer(layout: Layout, name: str) -> Ints:
    """Word to token number of a version of the tokenizer; versions differ in about half of the words."""
    numbers = np.arange(WORDS)
    if name == TOKENIZERS[0]:
        return numbers
    draw = Stream(layout.seed, f"tokenizer/{name}")
    moved = draw.permutation(WORDS)[:7]
    numbers[moved] = numbers[np.roll(moved, 1)]
    return numbers


def order_of_classes(layout: Layout, name: str) -> Ints:
    """Place in a file to class number."""
    count = len(layout.classes)
    if name == "model":
        return np.arange(count)
    by_name = np.array(sorted(range(count), key=lambda place: layout.classes[place]))
    return by_name if name == "sorted" else np.arange(count)[::-1].copy()


def write(layout: Layout, world: Facts, rows: Rows) -> Tables:
    """The tables of a world."""
    count = len(rows)
    values = to_float32_grid(_stored_values(layout, world, rows))
    label = _recorded_labels(layout, world, rows)
    code = np.empty(count, dtype=np.int64)
    tokens = np.empty_like(rows.words)
    year_month, day = _months(layout)[rows.month], rows.day.copy()
    kept = np.ones(count, dtype=bool)
    repeats: list[Ints] = []
    labelled = rows.month < LABELLED_MONTHS
    for place, source in enumerate(layout.sources):
        own = rows.source == place
        prefix = f"sources.{source.name}"
        inverse = np.argsort(label_map(layout, str(world[f"{prefix}.label_map"])))
        code[own] = inverse[label[own]]
        tokens[own] = tokenizer(layout, str(world[f"{prefix}.tokenizer"]))[rows.words[own]]
        rate = float(world[f"{prefix}.majority_kept"] or 1.0)
        kept &= ~(own & labelled & (rows.outcome == 0) & (rows.chance[:, 0] >= rate))
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
        partner[labelled & (rows.chance[:, 3] > 1.0 - dose(layout, "partners", 0.0, 0.06))] = 0
    values[partner == 0, -JOINED_COLUMNS:] = np.nan
    base = np.flatnonzero(kept)
    parts = [base]
    line_parts, repeat_parts = [lines[base]], [np.zeros(len(base), dtype=np.int64)]
    has_lines = world["join.keys"] != "one line an id"
    # A few ids have two lines everywhere.
    share = dose(layout, "join.keys", 0.15, 0.4) if has_lines else dose(layout, "lines", 0.0, 0.04)
    more = np.flatnonzero(kept & labelled & (rows.chance[:, 2] < share))
    parts.append(more)
    line_parts.append(np.ones(len(more), dtype=np.int64))
    repeat_parts.append(np.zeros(len(more), dtype=np.int64))
    # Some dates are wrong everywhere, and a few rows are sent again: one such row proves nothing.
    year_month[labelled & (np.abs(rows.chance[:, 4] - 0.5) < 0.004)] -= 60
    # Many a source delivers rows from before the window as well.
    old = np.array([max(0.0, dose(layout, f"old/{source.name}", -0.25, 0.3)) for source in layout.sources])
    year_month[labelled & (rows.chance[:, 6] < old[rows.source])] -= 24
    often = np.array([dose(layout, f"usual/{source.name}", 0.002, 0.025) for source in layout.sources])
    usual = np.flatnonzero(kept & labelled & (rows.chance[:, 4] < often[rows.source]))
    for again in (*repeats, usual):
        parts.append(again)
        line_parts.append(np.zeros(len(again), dtype=np.int64))
        repeat_parts.append(np.ones(len(again), dtype=np.int64))
    row, is_repeat = np.concatenate(parts), np.concatenate(repeat_parts)
    year_month, day, stored = year_month[row], day[row], values[row]
    earlier = is_repeat == 1
    if earlier.any():
        shift = 1 + np.floor(rows.chance[row[earlier], 5] * 8).astype(np.int64)
        first = int(_months(layout)[0])
        begun = first + np.array([source.first_month for source in layout.sources])[rows.source[row[earlier]]]
        year_month[earlier] = np.maximum(begun, year_month[earlier] - shift)
        again = np.flatnonzero(earlier)
        stored[again] = _in_units_of(layout, world, stored[again], rows, row[again], year_month[again] - first)
    return Tables(
        row=row,
        source=rows.source[row],
        year_month=year_month,
        day=day,
        customer=rows.customer[row],
        label_code=code[row],
        values=stored,
        tokens=tokens[row],
        line=np.concatenate(line_parts),
        is_repeat=is_repeat,
        has_partner=partner[row],
        updates=_updates(layout, world, rows)[row],
        outcome=rows.outcome[row],
    )


def _in_units_of(layout: Layout, world: Facts, values: Floats, rows: Rows, row: Ints, month: Ints) -> Floats:
    """Values of rows that are sent again, in the units of the months that they are dated."""
    source, dated = rows.source[row], rows.month[row]
    for number, one in enumerate(layout.sources):
        for place, column in enumerate(layout.columns):
            path = f"sources.{one.name}.columns.{column.name}"
            unit, code = str(world[f"{path}.unit"]), world.get(f"{path}.missing_code")
            if UNTIL not in unit:
                continue
            factors = np.array([UNITS[column.quantity][unit_at(unit, name)] for name in layout.months])
            ratio = np.where(source == number, factors[month] / factors[dated], 1.0)
            values[:, place] *= np.where(values[:, place] == code, 1.0, ratio)
    return to_float32_grid(values)


def read(layout: Layout, world: Facts, declared: Facts, tables: Tables) -> tuple[Frame, Reading]:
    """The rows as they are declared; the world only says how the dates are written.

    Rows of the last month were just scored: all of them are read, and they carry the outcome, as it is found by hand.
    """
    count = len(tables.row)
    month = _read_months(layout, world, declared, tables)
    label = np.empty(count, dtype=np.int64)
    tokens = np.empty_like(tables.tokens)
    values = tables.values.copy()
    weight = np.ones(count)
    recent = month == LABELLED_MONTHS
    kept = (month >= 0) & (month <= LABELLED_MONTHS)
    if declared["join.keys"] == "id, line":
        kept &= tables.line == 0
    if declared["join.how"] == "inner":
        kept &= recent | (tables.has_partner == 1)
    for place, source in enumerate(layout.sources):
        own = tables.source == place
        prefix = f"sources.{source.name}"
        mapping = label_map(layout, str(declared[f"{prefix}.label_map"]))
        label[own] = mapping[tables.label_code[own]]
        tokens[own] = np.argsort(tokenizer(layout, str(declared[f"{prefix}.tokenizer"])))[tables.tokens[own]]
        rate = float(declared[f"{prefix}.majority_kept"] or 1.0)
        weight[own & (label == 0)] = 1.0 / rate
        if declared[f"{prefix}.deduplicate"] == "content":
            kept &= ~(own & (tables.is_repeat == 1))
        for name in (f"{prefix}.used_until", f"{prefix}.snapshot"):
            until = declared[name]
            if until is not None:
                kept &= ~(own & ~recent & (month > layout.month(str(until))))
        _read_columns(layout, declared, prefix, values, own, month)
    for place, column in enumerate(layout.columns):
        if declared[f"features.{column.name}.as_of"] == "export":
            values[:, place] += tables.updates[:, place]
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
    return every.take(np.flatnonzero(kept)), Reading(month, label, (~kept).astype(np.int64), every)


def _months(layout: Layout) -> Ints:
    """Each month as years times 12 plus the month from 0."""
    return np.array([int(name[:4]) * 12 + int(name[5:]) - 1 for name in layout.months])


def _stored_values(layout: Layout, world: Facts, rows: Rows) -> Floats:
    values: Floats = rows.values.copy()
    hidden = 0.0 if world["imputer.fill"] == "none" else 1.0
    level = np.array([column.level for column in layout.columns])
    scale = np.array([column.scale for column in layout.columns])
    joined = [column.name for column in layout.columns[-JOINED_COLUMNS:]]
    values = np.abs(values + level) * scale
    for number, source in enumerate(layout.sources):
        own = rows.source == number
        for place, column in enumerate(layout.columns):
            path = f"sources.{source.name}.columns.{column.name}"
            until = world[f"{path}.used_until"]
            if until is not None:
                late = own & (rows.month > layout.month(str(until)))
                values[late, place] = (dose(layout, f"{path}.frozen", -1.0, 1.0) + column.level) * column.scale
            unit = world[f"{path}.unit"]
            factors = np.array([UNITS[column.quantity][unit_at(unit, name)] for name in layout.months])
            if (factors != 1.0).any():
                values[own, place] *= factors[rows.month[own]]
            share, code = column.missing_share, world.get(f"{path}.missing_code")
            if code is not None:
                share = max(share, dose(layout, f"{path}.missing", 0.06, 0.18))
            share *= hidden
            if share:
                gone = own & (rows.missing[:, place] < share)
                values[gone, place] = np.nan if code is None else float(code)
        snapshot = layout.month(str(world[f"sources.{source.name}.snapshot"]))
        if snapshot < LABELLED_MONTHS:
            late = own & (rows.month > snapshot)
            for place in range(len(layout.columns) - len(joined), len(layout.columns)):
                values[late, place] = np.nan
    return values


def _updates(layout: Layout, world: Facts, rows: Rows) -> Floats:
    """Some columns are written again when the outcome is known, which rows that were just scored are not."""
    updates = np.zeros_like(rows.values)
    labelled = rows.month < LABELLED_MONTHS
    for place, column in enumerate(layout.columns):
        draw = Stream(layout.seed, f"after/{column.name}")
        # Every column is corrected a little later on; only some know the outcome by then.
        later = dose(layout, f"corrected/{column.name}", 0.05, 0.6) * draw.normal(len(rows))
        if world[f"features.{column.name}.as_of"] == "updated after the outcome":
            rank = draw.permutation(len(layout.classes)) - (len(layout.classes) - 1) / 2
            later = later + (rank * dose(layout, f"after/{column.name}", 1.0, 1.4))[rows.outcome]
        updates[:, place] = np.where(labelled, later, 0.0) * column.scale
    return to_float32_grid(updates)


def _recorded_labels(layout: Layout, world: Facts, rows: Rows) -> Ints:
    label = rows.outcome.copy()
    classes = len(layout.classes)
    noise = np.array([source.label_noise for source in layout.sources])
    chance = rows.chance[:, 4]
    other = np.floor(rows.chance[:, 5] * classes).astype(np.int64)
    label = np.where((1.0 - chance) < noise[rows.source], other, label)
    for place, source in enumerate(layout.sources):
        until = world[f"sources.{source.name}.used_until"]
        if until is not None:
            late = (rows.source == place) & (rows.month > layout.month(str(until)))
            share = dose(layout, f"sources.{source.name}.random", 0.55, 0.9)
            label = np.where(late & (rows.chance[:, 3] < share), other, label)
    months = int(world["labels.maturity_months"] or 0)
    if months:
        young = (rows.month > LABELLED_MONTHS - 1 - months) & (rows.month < LABELLED_MONTHS)
        label = np.where(young & (rows.chance[:, 2] < dose(layout, "immature", 0.4, 0.65)), 0, label)
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


def _read_columns(layout: Layout, declared: Facts, prefix: str, values: Floats, own: Ints, month: Ints) -> None:
    for place, column in enumerate(layout.columns):
        path = f"{prefix}.columns.{column.name}"
        code = declared.get(f"{path}.missing_code")
        if code is not None:
            values[own & (values[:, place] == float(code)), place] = np.nan
        units = UNITS[column.quantity]
        factors = np.array([units[unit_at(declared[f"{path}.unit"], name)] for name in layout.months])
        if (factors != 1.0).any():
            values[own, place] /= factors[np.clip(month[own], 0, LABELLED_MONTHS)]
        until = declared[f"{path}.used_until"]
        if until is not None:
            values[own & (month > layout.month(str(until))), place] = np.nan
