"""What has to agree between the declarations of a run and its world, and how such an agreement breaks.

The world is how the data really are: it is never printed. The declarations are config, code and data sources: all printed.
Rule 1: a run is healthy where no agreement is broken. Rule 2: a fault breaks exactly one. Rule 3: every declaration that a
broken agreement shows is also shown by healthy runs, whose world goes with it: the text alone tells nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from domain.training.multi_source.layout import Layout
from domain.training.multi_source.subjects import UNITS
from domain.training.pipeline import FieldValue
from domain.training.randomness import Stream
from domain.types import ArtifactName, FailureCategory

Facts = Mapping[str, FieldValue]
"""Path of a declaration to its value; or to what would be right, in the world's words."""

FIRST_CHANGE, LAST_CHANGE = 4, 8
"""Months in which something may change at a source."""
TOKENIZERS = ("v1", "v2", "v3")
LABEL_MAPS = ("m1", "m2", "m3")
ORDERS = ("model", "sorted", "reversed")
DATE_FORMATS = ("DD/MM/YYYY", "MM/DD/YYYY")
MISSING_CODES: tuple[FieldValue, ...] = (None, -1, -9, -99, -999, 9999)
KEPT_TOLERANCE = 1.4
"""How many times too high or too low a declared share may be: what was measured of nine in ten runs gives it as exactly."""
IN_STOP_WORDS = ("in the most frequent words", "in the rare words")
"""Worlds in which the class shows in words that a newer vocabulary leaves out; the last: as stored scenarios call it."""
UNTIL = ", from "
"""Stands between a unit and the month of the next one: ``kg, from 2025-11 lb``."""


class Pair(NamedTuple):
    """What the world is and what is declared about it."""

    world: FieldValue
    declared: FieldValue


class Change(NamedTuple):
    """A healthy state, and a declaration that is right only in another world."""

    before: Pair
    declared: FieldValue
    """The declaration after the change."""
    followed: FieldValue
    """The world in which it is right."""


class Shift(NamedTuple):
    """A healthy state, and another world in which its declaration is wrong."""

    before: Pair
    world: FieldValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One kind of agreement, which is one fault when it is broken."""

    fault_id: str
    file: ArtifactName
    category: FailureCategory
    pattern: str
    """The declaration; ``{source}`` and ``{column}`` stand for names."""
    paths: Callable[[Layout], tuple[str, ...]]
    """The declarations of a layout that it is about."""
    draw: Callable[[Layout, str, Stream], Pair]
    """A healthy state."""
    change: Callable[[Layout, str, Stream], Change]
    """A change of the declaration."""
    shift: Callable[[Layout, str, Stream], Shift]
    """A change of the world alone."""
    is_broken: Callable[[Layout, str, Facts, Facts], bool]
    """Whether the declaration (third argument: world, fourth: declared) does harm."""
    repair: Callable[[FieldValue], FieldValue] = lambda world: world
    """A declaration that is right in a world."""
    also_categories: tuple[FailureCategory, ...] = ()
    also: Callable[[Layout, str], tuple[str, ...]] = lambda layout, path: ()
    """Other declarations with which the harm can be repaired."""


def choice_of(path: str, layout: Layout) -> tuple[str, str]:
    """Source and column in the path of a declaration; empty where it has none."""
    parts = path.split(".")
    source = parts[1] if parts[0] == "sources" else ""
    column = parts[3] if len(parts) > 3 and parts[2] == "columns" else ""
    return source, column


def unit_at(value: FieldValue, month: str) -> str:
    """The unit that a declaration such as ``kg, from 2025-11 lb`` gives for a month."""
    first, _, rest = str(value).partition(UNTIL)
    if not rest:
        return first
    onset, _, second = rest.partition(" ")
    return second if month >= onset else first


def _single(path: str) -> Callable[[Layout], tuple[str, ...]]:
    return lambda layout: (path,)


def _each_source(name: str) -> Callable[[Layout], tuple[str, ...]]:
    return lambda layout: tuple(f"sources.{source}.{name}" for source in layout.source_names)


def _each_column(name: str, *, missing: bool = False) -> Callable[[Layout], tuple[str, ...]]:
    def paths(layout: Layout) -> tuple[str, ...]:
        return tuple(
            f"sources.{source}.columns.{column.name}.{name}"
            for source in layout.source_names
            for column in layout.columns
            if column.missing_share or not missing
        )

    return paths


def _equal(values: tuple[str, ...], **rest: object) -> Agreement:
    """A declaration that has to be the world's value."""

    def draw(layout: Layout, path: str, stream: Stream) -> Pair:
        value = stream.choice(values)
        return Pair(value, value)

    def other(value: FieldValue, stream: Stream) -> str:
        return stream.choice([one for one in values if one != value])

    def change(layout: Layout, path: str, stream: Stream) -> Change:
        before = draw(layout, path, stream)
        after = other(before.declared, stream)
        return Change(before, after, after)

    def shift(layout: Layout, path: str, stream: Stream) -> Shift:
        before = draw(layout, path, stream)
        return Shift(before, other(before.world, stream))

    return Agreement(
        draw=draw,
        change=change,
        shift=shift,
        is_broken=lambda layout, path, world, declared: world[path] != declared[path],
        **rest,  # type: ignore[arg-type]
    )


def _guarded(
    risky: tuple[FieldValue, ...],
    safe: tuple[FieldValue, ...],
    *,
    benign: str,
    harsh: str,
    also_harsh: tuple[str, ...] = (),
    only_where: Callable[[Layout, str, Facts, Facts], bool] = lambda layout, path, world, declared: True,
    **rest: object,
) -> Agreement:
    """A declaration that some worlds allow and others do not."""

    def draw(layout: Layout, path: str, stream: Stream) -> Pair:
        # Harsh worlds are as frequent as risky declarations: else one or the other would tell that something is wrong.
        return stream.choice((Pair(benign, stream.choice(risky)), Pair(harsh, stream.choice(safe))))

    def change(layout: Layout, path: str, stream: Stream) -> Change:
        return Change(Pair(harsh, stream.choice(safe)), stream.choice(risky), benign)

    def shift(layout: Layout, path: str, stream: Stream) -> Shift:
        return Shift(Pair(benign, stream.choice(risky)), harsh)

    def is_broken(layout: Layout, path: str, world: Facts, declared: Facts) -> bool:
        return (
            world[path] in (harsh, *also_harsh)
            and declared[path] not in safe
            and only_where(layout, path, world, declared)
        )

    return Agreement(
        draw=draw,
        change=change,
        shift=shift,
        is_broken=is_broken,
        repair=lambda world: safe[0] if world in (harsh, *also_harsh) else risky[0],
        **rest,  # type: ignore[arg-type]
    )


# Units.


def _units(layout: Layout, path: str) -> tuple[str, ...]:
    return layout.column(choice_of(path, layout)[1]).units


def _onset(layout: Layout, stream: Stream) -> str:
    return layout.months[stream.integer(FIRST_CHANGE, LAST_CHANGE)]


def _draw_unit(layout: Layout, path: str, stream: Stream) -> Pair:
    units = _units(layout, path)
    value = stream.choice((units[0], units[0], units[0], stream.choice(units)))
    if stream.integer(1, 8) == 1:
        value = _next_unit(layout, path, value, stream)
    return Pair(value, value)


def _next_unit(layout: Layout, path: str, value: FieldValue, stream: Stream) -> str:
    if UNTIL in str(value):
        return stream.choice(_units(layout, path))
    other = stream.choice([unit for unit in _units(layout, path) if unit != value])
    return stream.choice((other, f"{value}{UNTIL}{_onset(layout, stream)} {other}"))


def _change_unit(layout: Layout, path: str, stream: Stream) -> Change:
    before = _draw_unit(layout, path, stream)
    after = _next_unit(layout, path, before.declared, stream)
    return Change(before, after, after)


def _shift_unit(layout: Layout, path: str, stream: Stream) -> Shift:
    before = _draw_unit(layout, path, stream)
    return Shift(before, _next_unit(layout, path, before.declared, stream))


def _unit_is_broken(layout: Layout, path: str, world: Facts, declared: Facts) -> bool:
    """More than one month is read in a wrong unit."""
    factors = UNITS[layout.column(choice_of(path, layout)[1]).quantity]
    wrong = sum(
        factors.get(unit_at(declared[path], month)) != factors[unit_at(world[path], month)] for month in layout.months
    )
    return wrong > 1


# Missing codes.


def _draw_code(layout: Layout, path: str, stream: Stream) -> Pair:
    code = stream.choice(MISSING_CODES)
    return stream.choice((Pair(code, code), Pair(code, code), Pair(None, code)))


def _change_code(layout: Layout, path: str, stream: Stream) -> Change:
    code = stream.choice(MISSING_CODES[1:])
    after = stream.choice([one for one in MISSING_CODES if one != code])
    return Change(Pair(code, code), after, after)


def _shift_code(layout: Layout, path: str, stream: Stream) -> Shift:
    before = stream.choice(MISSING_CODES)
    return Shift(Pair(before, before), stream.choice([one for one in MISSING_CODES[1:] if one != before]))


def _code_is_broken(layout: Layout, path: str, world: Facts, declared: Facts) -> bool:
    return world[path] is not None and world[path] != declared[path]


# Dates until when something is right: none, or the last good month.


def _draw_until(layout: Layout, path: str, stream: Stream) -> Pair:
    column = choice_of(path, layout)[1]
    month = _onset(layout, stream) if stream.integer(1, 25 if column else 5) == 1 else None
    if column and layout.column(column).is_usual:
        # Many filled cells would be a second usual value.
        month = None
    return Pair(month, month)


def _change_until(layout: Layout, path: str, stream: Stream) -> Change:
    month = _onset(layout, stream)
    return Change(Pair(month, month), None, None)


def _shift_until(layout: Layout, path: str, stream: Stream) -> Shift:
    return Shift(Pair(None, None), _onset(layout, stream))


def _until_is_broken(layout: Layout, path: str, world: Facts, declared: Facts) -> bool:
    """More than one month after the last good one is used."""
    last = world[path]
    if last is None:
        return False
    used = declared[path]
    return used is None or layout.month(str(used)) > layout.month(str(last)) + 1


def _draw_snapshot(layout: Layout, path: str, stream: Stream) -> Pair:
    month = layout.months[stream.choice((11, 12, 12, 12, 12, 12, 12, 12))]
    return Pair(month, month)


def _change_snapshot(layout: Layout, path: str, stream: Stream) -> Change:
    early = layout.months[stream.integer(5, 8)]
    late = layout.months[12]
    return Change(Pair(early, early), late, late)


def _shift_snapshot(layout: Layout, path: str, stream: Stream) -> Shift:
    late = layout.months[12]
    return Shift(Pair(late, late), layout.months[stream.integer(5, 8)])


def _snapshot_is_broken(layout: Layout, path: str, world: Facts, declared: Facts) -> bool:
    return layout.month(str(declared[path])) > layout.month(str(world[path])) + 1


# Shares and months that are numbers.


def _kept(stream: Stream) -> float:
    return round(0.15 + 0.01 * stream.integer(0, 25), 2)


def _draw_kept(layout: Layout, path: str, stream: Stream) -> Pair:
    value = _kept(stream) if stream.integer(0, 2) == 0 else 1.0
    return Pair(value, value)


def _change_kept(layout: Layout, path: str, stream: Stream) -> Change:
    thinned = _kept(stream)
    before, after = stream.choice(((thinned, 1.0), (1.0, thinned)))
    return Change(Pair(before, before), after, after)


def _shift_kept(layout: Layout, path: str, stream: Stream) -> Shift:
    return Shift(Pair(1.0, 1.0), _kept(stream))


def _kept_is_broken(layout: Layout, path: str, world: Facts, declared: Facts) -> bool:
    ratio = float(world[path] or 1.0) / max(float(declared[path] or 1.0), 0.01)
    return not 1.0 / KEPT_TOLERANCE <= ratio <= KEPT_TOLERANCE


def _draw_maturity(layout: Layout, path: str, stream: Stream) -> Pair:
    return stream.choice((Pair(0, 0), Pair(0, 1), Pair(1, 1), Pair(2, 2), Pair(3, 3)))


def _change_maturity(layout: Layout, path: str, stream: Stream) -> Change:
    months, after = stream.integer(2, 3), stream.integer(0, 1)
    return Change(Pair(months, months), after, after)


def _shift_maturity(layout: Layout, path: str, stream: Stream) -> Shift:
    return Shift(Pair(0, stream.integer(0, 1)), stream.integer(2, 3))


def _maturity_is_broken(layout: Layout, path: str, world: Facts, declared: Facts) -> bool:
    return int(world[path] or 0) > int(declared[path] or 0)


def _test_sources(layout: Layout, path: str, stream: Stream) -> str:
    """One of the larger sources: a test of few rows says nothing."""
    return stream.choice(layout.large_sources)


def _draw_test_sources(layout: Layout, path: str, stream: Stream) -> Pair:
    served = _test_sources(layout, path, stream)
    return stream.choice((Pair("all", "all"), Pair(served, served)))


def _another_served(layout: Layout, tested: str, stream: Stream) -> str:
    """What is served where a test of this source is wrong: mostly another large source, else all of them."""
    others = [name for name in layout.large_sources if name != tested]
    return stream.choice(("all", *2 * (stream.choice(others),)))


def _change_test_sources(layout: Layout, path: str, stream: Stream) -> Change:
    tested = _test_sources(layout, path, stream)
    served = _another_served(layout, tested, stream)
    return Change(Pair(served, served), tested, tested)


def _shift_test_sources(layout: Layout, path: str, stream: Stream) -> Shift:
    served = _test_sources(layout, path, stream)
    return Shift(Pair(served, served), _another_served(layout, served, stream))


def _test_sources_is_broken(layout: Layout, path: str, world: Facts, declared: Facts) -> bool:
    """One source is tested, and another or all are served."""
    return declared[path] not in ("all", world[path])


def _same_source_until(layout: Layout, path: str) -> tuple[str, ...]:
    return (f"sources.{choice_of(path, layout)[0]}.used_until",)


AGREEMENTS: tuple[Agreement, ...] = (
    Agreement(
        fault_id="source_unit_changed",
        file="data_sources.yaml",
        category="preprocessing_bug",
        pattern="sources.{source}.columns.{column}.unit",
        paths=_each_column("unit"),
        draw=_draw_unit,
        change=_change_unit,
        shift=_shift_unit,
        is_broken=_unit_is_broken,
    ),
    Agreement(
        fault_id="undeclared_missing_code",
        file="data_sources.yaml",
        category="preprocessing_bug",
        pattern="sources.{source}.columns.{column}.missing_code",
        paths=_each_column("missing_code", missing=True),
        draw=_draw_code,
        change=_change_code,
        shift=_shift_code,
        is_broken=_code_is_broken,
    ),
    Agreement(
        fault_id="frozen_column",
        file="data_sources.yaml",
        category="preprocessing_bug",
        pattern="sources.{source}.columns.{column}.used_until",
        paths=_each_column("used_until"),
        draw=_draw_until,
        change=_change_until,
        shift=_shift_until,
        is_broken=_until_is_broken,
        also=_same_source_until,
    ),
    _equal(
        LABEL_MAPS,
        fault_id="exchanged_label_codes",
        file="data_sources.yaml",
        category="label_mismatch",
        also_categories=("preprocessing_bug",),
        pattern="sources.{source}.label_map",
        paths=_each_source("label_map"),
    ),
    Agreement(
        fault_id="random_labels_from_source",
        file="data_sources.yaml",
        category="label_mismatch",
        also_categories=("preprocessing_bug",),
        pattern="sources.{source}.used_until",
        paths=_each_source("used_until"),
        draw=_draw_until,
        change=_change_until,
        shift=_shift_until,
        is_broken=_until_is_broken,
    ),
    _guarded(
        ("id",),
        ("id, line",),
        benign="one line an id",
        harsh="several lines an id",
        fault_id="row_multiplying_join",
        file="data_sources.yaml",
        category="data_leakage",
        also_categories=("preprocessing_bug",),
        pattern="join.keys",
        paths=_single("join.keys"),
    ),
    _guarded(
        ("inner",),
        ("left",),
        benign="complete",
        harsh="lacks rows of one class",
        fault_id="class_dropping_join",
        file="data_sources.yaml",
        category="preprocessing_bug",
        also_categories=("label_mismatch",),
        pattern="join.how",
        paths=_single("join.how"),
    ),
    Agreement(
        fault_id="stale_snapshot",
        file="data_sources.yaml",
        category="preprocessing_bug",
        also_categories=("label_mismatch",),
        pattern="sources.{source}.snapshot",
        paths=_each_source("snapshot"),
        draw=_draw_snapshot,
        change=_change_snapshot,
        shift=_shift_snapshot,
        is_broken=_snapshot_is_broken,
        also=_same_source_until,
    ),
    _equal(
        DATE_FORMATS,
        fault_id="day_month_exchanged",
        file="data_sources.yaml",
        category="preprocessing_bug",
        also_categories=("data_leakage",),
        pattern="sources.{source}.date_format",
        paths=_each_source("date_format"),
    ),
    _guarded(
        ("none",),
        ("content",),
        benign="sent once",
        harsh="sent again with an earlier date",
        fault_id="evaluation_rows_in_training",
        file="data_sources.yaml",
        category="data_leakage",
        also_categories=("preprocessing_bug",),
        pattern="sources.{source}.deduplicate",
        paths=_each_source("deduplicate"),
    ),
    Agreement(
        fault_id="undeclared_thinning",
        file="data_sources.yaml",
        category="preprocessing_bug",
        also_categories=("label_mismatch",),
        pattern="sources.{source}.majority_kept",
        paths=_each_source("majority_kept"),
        draw=_draw_kept,
        change=_change_kept,
        shift=_shift_kept,
        is_broken=_kept_is_broken,
    ),
    _equal(
        TOKENIZERS,
        fault_id="tokenizer_version_drift",
        file="data_sources.yaml",
        category="preprocessing_bug",
        also_categories=("evaluation_bug",),
        pattern="sources.{source}.tokenizer",
        paths=_each_source("tokenizer"),
    ),
    Agreement(
        fault_id="immature_labels",
        file="data_sources.yaml",
        category="label_mismatch",
        also_categories=("data_leakage", "preprocessing_bug"),
        pattern="labels.maturity_months",
        paths=_single("labels.maturity_months"),
        draw=_draw_maturity,
        change=_change_maturity,
        shift=_shift_maturity,
        is_broken=_maturity_is_broken,
    ),
    _guarded(
        ("export",),
        ("event",),
        benign="never updated",
        harsh="updated after the outcome",
        fault_id="feature_updated_after_outcome",
        file="preprocessing.py",
        category="data_leakage",
        also_categories=("preprocessing_bug",),
        pattern="features.{column}.as_of",
        paths=lambda layout: tuple(f"features.{column.name}.as_of" for column in layout.columns),
    ),
    _guarded(
        ("random",),
        ("month",),
        benign="exchangeable",
        harsh="drifting",
        fault_id="random_split_of_drift",
        file="preprocessing.py",
        category="data_leakage",
        also_categories=("preprocessing_bug", "evaluation_bug"),
        pattern="split.by",
        paths=_single("split.by"),
    ),
    _guarded(
        ("none",),
        ("customer",),
        benign="one row a customer",
        harsh="many rows a customer",
        only_where=lambda layout, path, world, declared: declared["split.by"] == "random",
        fault_id="group_leakage",
        file="preprocessing.py",
        category="data_leakage",
        also_categories=("preprocessing_bug",),
        pattern="split.groups",
        paths=_single("split.groups"),
        also=lambda layout, path: ("split.by",),
    ),
    _guarded(
        (-999,),
        ("median", "mean"),
        benign="none",
        harsh="many",
        fault_id="sentinel_impute",
        file="preprocessing.py",
        category="preprocessing_bug",
        pattern="imputer.fill",
        paths=_single("imputer.fill"),
    ),
    _equal(
        ORDERS,
        fault_id="label_encoder_mismatch",
        file="preprocessing.py",
        category="label_mismatch",
        also_categories=("evaluation_bug",),
        pattern="evaluation.label_order",
        paths=_single("evaluation.label_order"),
    ),
    _equal(
        ("a", "b"),
        fault_id="silent_metric_swap",
        file="preprocessing.py",
        category="evaluation_bug",
        pattern="evaluation.validation_ids",
        paths=_single("evaluation.validation_ids"),
    ),
    Agreement(
        fault_id="test_from_one_source",
        file="preprocessing.py",
        category="evaluation_bug",
        also_categories=("preprocessing_bug",),
        pattern="evaluation.sources",
        paths=_single("evaluation.sources"),
        draw=_draw_test_sources,
        change=_change_test_sources,
        shift=_shift_test_sources,
        is_broken=_test_sources_is_broken,
        repair=lambda world: "all",
    ),
    _guarded(
        (False,),
        (True,),
        benign="random",
        harsh="sorted by class",
        fault_id="shuffle_off_sorted",
        file="train.py",
        category="config_error",
        also_categories=("preprocessing_bug",),
        pattern="loader.shuffle",
        paths=_single("loader.shuffle"),
    ),
    _equal(
        ORDERS,
        fault_id="class_weight_order",
        file="train.py",
        category="label_mismatch",
        also_categories=("config_error",),
        pattern="class_weights.order",
        paths=_single("class_weights.order"),
    ),
    _guarded(
        ("capacity",),
        ("rows",),
        benign="full batches",
        harsh="mostly padding",
        fault_id="loss_over_padding",
        file="train.py",
        category="architecture_bug",
        also_categories=("config_error",),
        pattern="loss.divide_by",
        paths=_single("loss.divide_by"),
    ),
    _guarded(
        ("2.4",),
        ("2.2", "2.3"),
        benign="in the bulk",
        harsh="in the tails",
        fault_id="scaler_default_changed",
        file="config.yaml",
        category="config_error",
        also_categories=("preprocessing_bug",),
        pattern="environment.tabular",
        paths=_single("environment.tabular"),
    ),
    _guarded(
        ("1.9",),
        ("1.7", "1.8"),
        benign="in other words than the most frequent",
        harsh=IN_STOP_WORDS[0],
        also_harsh=IN_STOP_WORDS[1:],
        fault_id="vocabulary_default_changed",
        file="config.yaml",
        category="config_error",
        also_categories=("preprocessing_bug",),
        pattern="environment.textkit",
        paths=_single("environment.textkit"),
    ),
)
"""All kinds; their order is part of what a seed means."""

BY_FAULT: dict[str, Agreement] = {agreement.fault_id: agreement for agreement in AGREEMENTS}


def broken(layout: Layout, world: Facts, declared: Facts) -> frozenset[str]:
    """Paths of the declarations that do not agree with the world."""
    return frozenset(
        path
        for agreement in AGREEMENTS
        for path in agreement.paths(layout)
        if agreement.is_broken(layout, path, world, declared)
    )
