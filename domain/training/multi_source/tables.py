"""Writes what happened into the tables of the sources, as the world has them, and reads them as they are declared."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Callable, TypeVar

import numpy as np

from domain.training.multi_source.agreements import LABEL_MAPS, TOKENIZERS, UNTIL, Facts, unit_at
from domain.training.multi_source.layout import LABELLED_MONTHS, WORDS, Layout
from domain.training.multi_source.rows import Rows
from domain.training.multi_source.subjects import UNITS
from domain.training.pipeline import FieldValue
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


DOSES = 1024
"""How many different doses the data of a run have."""


def dose(layout: Layout, name: str, low: float, high: float) -> float:
    """How strongly something happens in the data of a run where it happens; the same for every state of its world."""
    return low + (high - low) * _doses(layout.seed)[zlib.crc32(name.encode()) % DOSES]


@lru_cache(maxsize=8)
def _doses(seed: int) -> tuple[float, ...]:
    return tuple(Stream(seed, "doses").uniform(DOSES).tolist())


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
def _factors(quantity: str, unit: FieldValue, months: tuple[str, ...]) -> Floats | None:
    """How many of the first unit make one of the declared unit, by month; None: it is the first unit all the time."""
    factors = np.array([UNITS[quantity][unit_at(unit, month)] for month in months])
    return _shared(factors) if (factors != 1.0).any() else None


def write(layout: Layout, world: Facts, rows: Rows) -> Tables:
    """The tables of a world."""
    count = len(rows)
    values = to_float32_grid(_stored_values(layout, world, rows))
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
        stored[again] = _in_units_of(layout, world, stored[again], rows, row[again], year_month[again] - first)
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


def _in_units_of(layout: Layout, world: Facts, values: Floats, rows: Rows, row: Ints, month: Ints) -> Floats:
    """Values of rows that are sent again, in the units of the months that they are dated."""
    source, dated = rows.source[row], rows.month[row]
    for number, one in enumerate(layout.sources):
        own = np.flatnonzero(source == number)
        for place, column in enumerate(layout.columns):
            path = f"sources.{one.name}.columns.{column.name}"
            unit, code = str(world[f"{path}.unit"]), world.get(f"{path}.missing_code")
            factors = _factors(column.quantity, unit, layout.months) if UNTIL in unit else None
            if factors is None:
                continue
            stored, ratio = values[own, place], factors[month[own]] / factors[dated[own]]
            values[own, place] = stored * np.where(stored == code, 1.0, ratio)
    return to_float32_grid(values)


def read(layout: Layout, world: Facts, declared: Facts, tables: Tables) -> Reading:
    """The rows as they are declared; the world only says how the dates are written.

    Rows of the last month were just scored: all of them are read, and they carry the outcome, as it is found by hand.
    """
    count = len(tables.row)
    month = _read_months(layout, world, declared, tables)
    label = _of_sources(label_map, layout, declared).take(tables.source * len(layout.classes) + tables.label_code)
    numbers = np.argsort(_of_sources(tokenizer, layout, declared), axis=1)
    tokens = numbers.take(tables.source[:, None] * WORDS + tables.tokens)
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
        rate = float(declared[f"{prefix}.majority_kept"] or 1.0)
        weight[own & (label == 0)] = 1.0 / rate
        if declared[f"{prefix}.deduplicate"] == "content":
            kept &= ~(own & (tables.is_repeat == 1))
        for name in (f"{prefix}.used_until", f"{prefix}.snapshot"):
            until = declared[name]
            if until is not None:
                kept &= ~(own & ~recent & (month > layout.month(str(until))))
        _read_columns(layout, declared, prefix, values, np.flatnonzero(own), month)
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


def _stored_values(layout: Layout, world: Facts, rows: Rows) -> Floats:
    values: Floats = rows.values.copy()
    hidden = 0.0 if world["imputer.fill"] == "none" else 1.0
    level = np.array([column.level for column in layout.columns])
    scale = np.array([column.scale for column in layout.columns])
    # Real tables hold rounded numbers: one column more finely than another.
    steps = np.array([2.0 ** -round(dose(layout, f"digits/{column.name}", 3.5, 8.5)) for column in layout.columns])
    values = np.rint(values / steps)
    values *= steps
    below, above = (np.array([getattr(one, side) for one in layout.columns]) for side in ("below", "above"))
    values = _within(values, below, above)
    values += level
    values *= scale
    for number, source in enumerate(layout.sources):
        own = np.flatnonzero(rows.source == number)
        block, missing = (one.take(own, axis=0) for one in (values, rows.missing))
        month = rows.month.take(own)
        for place, column in enumerate(layout.columns):
            path = f"sources.{source.name}.columns.{column.name}"
            until = world[f"{path}.used_until"]
            if until is not None:
                late = month > layout.month(str(until))
                frozen = _within(np.array([_frozen_at(layout, path)]), column.below, column.above)
                block[late, place] = (frozen + column.level) * column.scale
            factors = _factors(column.quantity, world[f"{path}.unit"], layout.months)
            if factors is not None:
                block[:, place] *= factors.take(month)
            share, code = column.missing_share, world.get(f"{path}.missing_code")
            if code is not None:
                share = max(share, dose(layout, f"{path}.missing", 0.1, 0.25))
            share *= hidden
            if share:
                block[missing[:, place] < share, place] = np.nan if code is None else float(code)
        snapshot = layout.month(str(world[f"sources.{source.name}.snapshot"]))
        if snapshot < LABELLED_MONTHS:
            # What was just scored looked its partners up in the living table.
            block[(month > snapshot) & (month < LABELLED_MONTHS), -JOINED_COLUMNS:] = np.nan
        values[own] = block
    return values


def _within(values: Floats, below: float | Floats, above: float | Floats) -> Floats:
    """Values around 0, drawn in so that they stay between -below and above; near 0 they stay as they are.

    Square roots only, which are exact on every machine.
    """
    part = values / np.where(values < 0, below, above)
    part *= part
    part *= part
    part += 1.0
    found: Floats = values / np.sqrt(np.sqrt(part))
    return found


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


def _read_columns(layout: Layout, declared: Facts, prefix: str, values: Floats, own: Ints, month: Ints) -> None:
    """Read the columns of a source, of whose rows `own` has the places."""
    block, dated = values.take(own, axis=0), month.take(own)
    inside = np.clip(dated, 0, LABELLED_MONTHS)
    for place, column in enumerate(layout.columns):
        path = f"{prefix}.columns.{column.name}"
        code = declared.get(f"{path}.missing_code")
        if code is not None:
            block[block[:, place] == float(code), place] = np.nan
        factors = _factors(column.quantity, declared[f"{path}.unit"], layout.months)
        if factors is not None:
            block[:, place] /= factors.take(inside)
        until = declared[f"{path}.used_until"]
        if until is not None:
            block[dated > layout.month(str(until)), place] = np.nan
    values[own] = block
