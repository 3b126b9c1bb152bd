"""Draws what happened in a world, row by row, before any table is written. Exact arithmetic, no exp, log or power."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domain.training.multi_source.agreements import IN_STOP_WORDS, Facts
from domain.training.multi_source.layout import LABELLED_MONTHS, TOKENS, WORDS, Layout, dose, table
from domain.training.randomness import Floats, Ints, Stream

RECENT_SHARE = 0.15
"""Rows of the month after the labelled ones, as a share of those; deliveries grow, see `_delivered`."""
NEWEST = 1.6
"""How many times as far the columns of the last month lie from the mean of all months."""
NEWEST_TURN = 0.25
"""How far the class means have turned by the last month at least: what is scored is a little harder than what was trained on."""
SERVED = 1.5
"""How many times its usual rows a source has in the last month where it alone is served."""
RAREST = 0.29
"""How often the last class occurs over the first, before sources and campaigns move the shares."""
UNUSUAL = (0.13, 0.165)
"""From and to: share of the rows above the usual value of a column, and as many below it."""
UNUSUAL_FROM, UNUSUAL_OVER = 0.8, 2.0
"""How far from the usual value the nearest of them lie, in standard deviations, and how much farther the farthest."""
MOST_UNUSUAL = 0.6
"""Share of the rows of a class that lie above the usual value at most, or below it."""
TOLD, HINTED = (0.65, 1.0), (0.05, 0.2)
"""From and to: how much of what is unusual belongs to one class; where the class lies in the tails, and where not.

A column that told nothing would be noise, and a run without it the better one: so a little is told."""
BULK = 0.9
"""How much the other columns tell where the class lies in the tails, over what they tell elsewhere."""
FIRST_TURN, LAST_TURN = 0.05, 0.5
"""How far the class means turn until the last month: where rows are exchangeable, and where they drift."""
STOP_WORDS = 2
"""The first words of the vocabulary: more than half of the texts have each of them."""
STOP_WORD, OTHER_WORD = (0.24, 0.28), (0.03, 0.06)
"""From and to: how often one of them occurs, and how often another word, before they are divided by their sum."""
STOP_TOLD, STOP_HINTED = (0.8, 1.2), (0.1, 0.18)
"""From and to: how much the classes show in them where the world says so, and where it does not; as with `HINTED`."""
OTHERS_TOLD = 0.8, 0.55
"""How much they show in the other words: where the most frequent ones tell nothing, and where they do."""
OWN_CUSTOMER = 1_000_000
"""First number of the customers of one row each."""
HISTORY, EARLIER_HISTORY = "rows", "rows-before"
"""Names of the rows of a run, and of those that the last good run before it found in the exports of its day."""
LATE, CORRECTED = (0.004, 0.03), (0.004, 0.02)
"""From and to, by source: rows that were delivered, and labels that were corrected since the last good run."""
PILOT_ROWS, PILOT_SHARE = 3, 0.012
"""Rows of the last month of a source that is not served but tried out: at least, and how many more at most, as a share."""
LEVELS = (0, 1)
"""How many columns lie elsewhere altogether at one source, all equally likely."""
_CELLS = 1024
"""Cells of a row of a table of cumulative probabilities; a power of two, so that a number's cell is exact."""

WRONG = 1.0 - 2.0**-53
"""In the fifth number of `Rows.chance`: the label of the row is wrong."""

SHAPING = ("split.groups", "split.by", "environment.tabular", "environment.textkit", "evaluation.sources")
"""What of a world decides what happens; everything else decides how it is written down."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What happened. One entry a row; the month after the labelled ones comes last in `month` only."""

    source: Ints
    month: Ints
    day: Ints
    customer: Ints
    outcome: Ints
    """Class of the outcome."""
    values: Floats
    """(rows, columns), rounded as measured, in the first unit of each quantity."""
    missing: Floats
    """(rows, columns), uniform: compared with a share."""
    words: Ints
    """(rows, tokens)."""
    chance: Floats
    """(rows, 7), uniform: decides what else happens to a row."""

    def __len__(self) -> int:
        return len(self.source)

    def take(self, places: Ints) -> Rows:
        return Rows(*(getattr(self, name).take(places, axis=0) for name in self.__dataclass_fields__))


def draw_rows(layout: Layout, world: Facts, *, name: str = HISTORY, recent_only: int = 0) -> Rows:
    """The rows of a world. The labelled ones have the same sources, months and days in every world.

    Args:
        layout: of the data.
        world: how the data really are.
        name: of the stream that draws the rows: another name gives fresh rows of the same world.
        recent_only: this many rows of the last month instead of the whole history; 0: the history.
    """
    classes, columns, sources = len(layout.classes), len(layout.columns), len(layout.sources)
    shape = Stream(layout.seed, "shape")
    mean, later = _class_means(layout, shape), _class_means(layout, shape)
    offset = 0.35 * np.clip(shape.normal(sources * columns), -1.2, 1.2).reshape(sources, columns)
    spread = 0.88 + 0.24 * shape.uniform(sources * columns).reshape(sources, columns)
    season = 0.25 * shape.normal((LABELLED_MONTHS + 1) * columns).reshape(LABELLED_MONTHS + 1, columns)
    # What comes after the training differs from what was trained on.
    season[LABELLED_MONTHS] *= NEWEST
    prior = 0.7 + 0.8 * shape.uniform(sources * classes).reshape(sources, classes)
    campaign = 0.75 + 0.5 * shape.uniform((LABELLED_MONTHS + 1) * classes).reshape(-1, classes)
    topic = shape.normal(classes * WORDS).reshape(classes, WORDS)
    # Some column tells the classes better than the others, and every source has words of its own.
    # It comes from the second table.
    best = columns - 1 - shape.below(2, 1)
    mean[:, best] *= 1.6
    later[:, best] *= 1.6
    accent = 0.75 + 0.5 * shape.uniform(sources * WORDS).reshape(sources, 1, WORDS)

    draw = Stream(layout.seed, name)
    recent = recent_only or round(layout.rows * RECENT_SHARE)
    count = recent if recent_only else layout.rows + recent
    weight = np.array([[source.weight for source in layout.sources]])
    source = _pick(table(weight), np.zeros(count, dtype=np.int64), draw.uniform(count))
    served, used = world["evaluation.sources"], count
    if served != "all":
        place = layout.source_names.index(str(served))
        if not recent_only:
            used += round(recent * min(1.0, SERVED * weight[0, place] / weight.sum())) - recent
        source[count - recent :] = _served_rows(layout, place, recent, used + recent - count)
    first = np.array([one.first_month for one in layout.sources])[source]
    month = first + np.floor(_delivered(draw.uniform(count)) * (LABELLED_MONTHS - first)).astype(np.int64)
    np.minimum(month, LABELLED_MONTHS - 1, out=month)
    month[count - recent :] = LABELLED_MONTHS
    day = 1 + draw.below(28, count)

    has_many = world["split.groups"] == "many rows a customer"
    customers = max(1, layout.rows // 6)
    share = draw.uniform(count)
    customer = (share * share * customers).astype(np.int64) * sources + source
    own = draw.uniform(count)
    weights = prior.take(source, axis=0)
    weights *= campaign.take(month, axis=0)
    frequent = 1.0 - (1.0 - RAREST) * np.arange(classes) / (classes - 1)
    weights *= frequent
    outcome = _pick_rows(table(weights), own)
    if has_many:
        # What is scored afterwards comes from other customers.
        tendency = Stream(layout.seed, "customers" if name == HISTORY else f"customers/{name}")
        total = customers * sources
        usual = _pick(table(frequent[None]), np.zeros(total, dtype=np.int64), tendency.uniform(total))
        effect = 0.8 * tendency.normal(total * columns).reshape(total, columns)
        outcome = np.where(draw.uniform(count) < 0.5, usual[customer], outcome)
    else:
        draw.uniform(count)
        customer = np.arange(count) + OWN_CUSTOMER
    values = 0.9 * draw.normal(count * columns).reshape(count, columns)
    is_told = world["environment.tabular"] == "in the tails"
    if is_told:
        mean, later = BULK * mean, BULK * later
    moved = _moved(mean, later, LAST_TURN if world["split.by"] == "drifting" else FIRST_TURN)
    values += moved.reshape(-1, columns).take(month * classes + outcome, axis=0)
    if has_many:
        values += effect.take(customer % (customers * sources), axis=0)
    heavy = np.array([column.is_heavy for column in layout.columns])
    values[:, heavy] *= 1.0 + 0.06 * values[:, heavy] * values[:, heavy]
    values *= spread.take(source, axis=0)
    values += offset.take(source, axis=0)
    values += season.take(month, axis=0)
    _move_levels(layout, values, source)
    _recalibrate(layout, values, source, month)
    frequent /= frequent.sum()
    _draw_usual(layout, values, outcome, frequent, draw, is_told=is_told)

    is_told = world["environment.textkit"] in IN_STOP_WORDS
    shares = _word_shares(layout, topic, frequent, is_told=is_told)
    frequencies = table((accent * shares).reshape(sources * classes, WORDS))
    word = _pick(frequencies, np.repeat(source * classes + outcome, TOKENS), draw.uniform(count * TOKENS))
    rows = Rows(
        source=source,
        month=month,
        day=day,
        customer=customer,
        outcome=outcome,
        values=_measured(layout, values),
        missing=draw.uniform(count * columns).reshape(count, columns),
        words=word.reshape(count, TOKENS),
        chance=draw.uniform(count * 7).reshape(count, 7),
    )
    return rows if used == count else rows.take(np.arange(used))


def earlier_export(layout: Layout, rows: Rows) -> Rows:
    """The rows as the last good run found them: some had not been delivered, some labels had not been corrected."""
    draw = Stream(layout.seed, EARLIER_HISTORY)
    sources, count = len(layout.sources), len(rows)
    parts = draw.uniform(2 * sources).reshape(2, sources)
    late, corrected = (low + (high - low) * part for (low, high), part in zip((LATE, CORRECTED), parts, strict=True))
    chance = draw.uniform(2 * count).reshape(2, count)
    # Of the newer months more were still to come.
    is_there = chance[0] >= late[rows.source] * (2.0 * (rows.month + 1) / (LABELLED_MONTHS + 1))
    found = rows.take(np.flatnonzero(is_there))
    found.chance[(chance[1] < corrected[rows.source])[is_there], 4] = WRONG
    return found


def _measured(layout: Layout, values: Floats) -> Floats:
    """Values in the first unit of each quantity, of those in standard deviations around the column's mean."""
    # Real tables hold rounded numbers: one column more finely than another.
    steps = np.array([2.0 ** -round(dose(layout, f"digits/{column.name}", 3.5, 8.5)) for column in layout.columns])
    rounded = np.rint(values / steps)
    rounded *= steps
    below, above, level, scale = (
        np.array([getattr(one, name) for one in layout.columns]) for name in ("below", "above", "level", "scale")
    )
    found = within(rounded, below, above)
    found += level
    found *= scale
    return found


def within(values: Floats, below: float | Floats, above: float | Floats) -> Floats:
    """Values around 0, drawn in so that they stay between -below and above; near 0 they stay as they are.

    Square roots only, which are exact on every machine.
    """
    part = values / np.where(values < 0, below, above)
    part *= part
    part *= part
    part += 1.0
    found: Floats = values / np.sqrt(np.sqrt(part))
    return found


def _delivered(uniform: Floats) -> Floats:
    """When rows are delivered, as a part of the year; at its end 2.3 times as many as at its beginning."""
    found: Floats = (np.sqrt(0.36 + 1.6 * uniform) - 0.6) / 0.8
    return found


def _served_rows(layout: Layout, served: int, count: int, used: int) -> Ints:
    """Sources of the rows of the last month where one source is served: nearly all are its own, the others are tried out.

    Of the rows, the first `used` ones will be used.
    """
    found = np.full(count, served, dtype=np.int64)
    others = [place for place in range(len(layout.sources)) if place != served]
    start = 0
    for place, part in zip(others, Stream(layout.seed, "pilots").uniform(len(others)).tolist(), strict=True):
        end = start + PILOT_ROWS + round(used * PILOT_SHARE * part)
        found[start:end] = place
        start = end
    return found


def _word_shares(layout: Layout, topic: Floats, frequent: Floats, *, is_told: bool) -> Floats:
    """(classes, words): how often the words occur; `is_told`: the class shows in the most frequent words, too."""
    draw = Stream(layout.seed, "words")
    part, *usual = draw.uniform(1 + WORDS).tolist()
    # As much in every run, whichever classes there are.
    topic = topic - frequent @ topic
    topic /= np.sqrt(frequent @ (topic * topic))
    told = np.full(WORDS, OTHERS_TOLD[is_told])
    told[:STOP_WORDS] = _between(STOP_TOLD if is_told else STOP_HINTED, part)
    share = 1.5 + 0.6 * told * topic
    share *= share
    share /= frequent @ share
    limits = [STOP_WORD] * STOP_WORDS + [OTHER_WORD] * (WORDS - STOP_WORDS)
    share *= [_between(one, part) for one, part in zip(limits, usual, strict=True)]
    return share


def _draw_usual(
    layout: Layout, values: Floats, outcome: Ints, frequent: Floats, draw: Stream, *, is_told: bool
) -> None:
    """Give most rows the usual value of a column; `is_told`: which lie above and below it tells the class."""
    shape = Stream(layout.seed, "usual-values")
    classes, count = len(layout.classes), len(outcome)
    for column in (place for place, one in enumerate(layout.columns) if one.is_usual):
        usual, told, *shares = shape.uniform(4).tolist()
        told = _between(TOLD if is_told else HINTED, told)
        rates = np.empty((2, classes))
        for rate, own, share in zip(rates, shape.permutation(classes), shares, strict=False):
            rate[:] = (1.0 - told) * _between(UNUSUAL, share)
            rate[own] += told * _between(UNUSUAL, share) / frequent[own]
        above, below = np.minimum(rates, MOST_UNUSUAL).take(outcome, axis=1)
        place, far = draw.uniform(count), UNUSUAL_FROM + UNUSUAL_OVER * draw.uniform(count)
        values[:, column] = usual - 0.5 + np.where(place < above, far, np.where(place >= 1.0 - below, -far, 0.0))


def _between(limits: tuple[float, float], part: float) -> float:
    low, high = limits
    return low + (high - low) * part


def strong_columns(layout: Layout) -> tuple[str, ...]:
    """The half of the columns that tells the classes apart better than the others do."""
    means = _class_means(layout, Stream(layout.seed, "shape"))
    order = np.argsort(-(means * means).sum(0), kind="stable")[: len(layout.columns) // 2]
    return tuple(layout.column_names[place] for place in sorted(order.tolist()))


def _class_means(layout: Layout, draw: Stream) -> Floats:
    """(classes, columns), around 0."""
    shape = len(layout.classes), len(layout.columns)
    mean: Floats = np.clip(draw.normal(shape[0] * shape[1]), -1.3, 1.3).reshape(shape) * layout.separation
    mean -= mean.mean(0)
    # Where most rows have one value, the class shows in the others or not at all.
    mean[:, [column.is_usual for column in layout.columns]] = 0.0
    return mean


def _moved(first: Floats, last: Floats, turn: float) -> Floats:
    """(months, classes, columns): class means that turn from one place to another and keep their distances, about."""
    part = turn * (np.arange(LABELLED_MONTHS + 1) / LABELLED_MONTHS)[:, None, None]
    part[LABELLED_MONTHS] = max(turn, NEWEST_TURN)
    found: Floats = ((1.0 - part) * first + part * last) / np.sqrt((1.0 - part) ** 2 + part**2)
    return found


def recalibrations(layout: Layout) -> tuple[tuple[int, int, int, float, float], ...]:
    """Harmless steps that really happened: source, column, first month, added level (in standard deviations), spread."""
    draw = Stream(layout.seed, "recalibrations")
    return tuple(
        (
            draw.integer(0, len(layout.sources) - 1),
            draw.integer(0, len(layout.columns) - 1),
            draw.integer(3, LABELLED_MONTHS - 2),
            draw.choice((-1.0, -0.8, -0.6, 0.6, 0.8, 1.0)),
            draw.choice((0.88, 0.94, 1.0, 1.06, 1.12)),
        )
        for _ in range(draw.integer(1, 3))
    )


def levels(layout: Layout) -> tuple[tuple[int, int, float, float], ...]:
    """Harmless differences that really are: source, column, added level (in standard deviations), spread.

    What lies higher spreads less and the other way round, which no unit does.
    """
    draw = Stream(layout.seed, "levels")
    columns = tuple(place for place, column in enumerate(layout.columns) if not column.is_usual)
    found = []
    for _ in range(draw.choice(LEVELS)):
        part, is_higher = float(draw.uniform(1)[0]), draw.integer(0, 1)
        found.append(
            (
                draw.integer(0, len(layout.sources) - 1),
                draw.choice(columns),
                0.9 + 2.1 * part if is_higher else -0.9 - 1.1 * part,
                draw.choice((0.85, 0.92, 1.0) if is_higher else (1.0, 1.08, 1.15)),
            )
        )
    return tuple(found)


def _move_levels(layout: Layout, values: Floats, source: Ints) -> None:
    for place, column, level, spread in levels(layout):
        rows = source == place
        values[rows, column] = values[rows, column] * spread + level


def _recalibrate(layout: Layout, values: Floats, source: Ints, month: Ints) -> None:
    for place, column, first, level, spread in recalibrations(layout):
        rows = (source == place) & (month >= first)
        values[rows, column] = values[rows, column] * spread + level


def _pick(cumulative: Floats, row: Ints, uniform: Floats) -> Ints:
    """Draw one column for each entry of `row` (which row of the table) by inverting its cumulative probabilities.

    Gives what a binary search gives, by the guide table method: an entry begins where its cell begins (Chen and Asau 1974).
    """
    rows, columns = cumulative.shape
    flat = (cumulative + np.arange(rows)[:, None]).ravel()
    sought = uniform + row
    passed = np.bincount(np.ceil(flat * _CELLS).astype(np.int64), minlength=rows * _CELLS + 1)
    found: Ints = np.cumsum(passed).take((sought * _CELLS).astype(np.int64))
    flat = np.append(flat, np.inf)
    for _ in range(int(passed[1:].max())):
        found += flat.take(found) <= sought
    found -= row * columns
    return found


def _pick_rows(cumulative: Floats, uniform: Floats) -> Ints:
    """Draw one column for each row of the table."""
    found = np.zeros(len(uniform), dtype=np.int64)
    for place in range(cumulative.shape[1]):
        found += uniform >= cumulative[:, place]
    return found
