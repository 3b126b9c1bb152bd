"""Clues from checks, reports and blocks of details: where a measurement contradicts a declaration."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import fmean, median, pstdev
from typing import Any

from mlops_debug_env.agents.declared.reading import Declared
from mlops_debug_env.agents.declared.settings import Value
from mlops_debug_env.agents.declared.suspicion import Suspicion
from mlops_debug_env.protocol.types import ArtifactName

Matrix = list[list[float]]
CAMPAIGN = 0.0, 0.2**2
"""Mean and variance of what a campaign adds to the log odds of the first class, at all sources."""
SOURCES_DIFFER = 0.33
"""How far the log odds of the first class usually differ between sources."""


STATISTICS, RESULTS = "dataset_stats.json", "eval_results.json"
PREVIOUS: ArtifactName = "previous_run.json"
_MOVES_CLASSES = ("labels.maturity_months", "imputer.fill")


class Checks:
    """What checks, reports and blocks of details measured, by name; what was not looked at is empty."""

    def __init__(self, measured: Mapping[str, Mapping[str, Any]]) -> None:
        self._measured = measured

    def __contains__(self, check: str) -> bool:
        return check in self._measured

    def get(self, check: str, *names: str) -> Any:
        """A number, list or dictionary of a check, report or block; None where it is not known."""
        found: Any = self._measured.get(check)
        for name in names:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    def number(self, check: str, *names: str) -> float:
        """A number of a check; NaN where it is not known."""
        found = self.get(check, *names)
        return math.nan if found is None else float(found)

    def by_name(self, check: str, *names: str) -> dict[str, float]:
        """The numbers of a dictionary that are not null."""
        found = self.get(check, *names)
        return {name: float(value) for name, value in (found or {}).items() if value is not None}

    @property
    def classes(self) -> tuple[str, ...]:
        """In the order of the model's outputs."""
        return tuple(self.get(STATISTICS, "classes") or ())

    def by_source(self, block: str, sources: tuple[str, ...]) -> dict[str, Mapping[str, Any]]:
        """The blocks of the sources that were looked at."""
        found = {source: self._measured.get(f"{source}.{block}") for source in sources}
        return {source: each for source, each in found.items() if each is not None}


def clues_of_checks(declared: Declared, checks: Checks) -> list[Suspicion]:
    """Everything that the checks contradict."""
    found: list[Suspicion] = []
    for rule in (
        _label_maps,
        _late_labels,
        _test_sources,
        _maturity,
        _repeats,
        _dates,
        _dropped_class,
        _thinning,
        _tokenizers,
        _updated_columns,
        _split,
        _filled,
        _label_order,
        _validation_ids,
        _training,
        _class_weights,
        _libraries,
    ):
        found += rule(declared, checks)
    return found


def explained(found: list[Suspicion]) -> list[Suspicion]:
    """Without what follows from a stronger finding: labels that are read wrongly move shares and class means, too."""
    sure = [each for each in found if each.strength > 1.0]
    are_late = any(each.path == "labels.maturity_months" for each in sure)
    is_moved = any(each.path in _MOVES_CLASSES or each.path.endswith(".used_until") for each in sure)
    misread = {each.source for each in sure if each.path.endswith(".label_map")}
    misdated = {each.source for each in sure if each.path.endswith(".date_format")}
    are_words_misread = any(each.path.endswith(".tokenizer") for each in sure)

    def weakened(each: Suspicion) -> Suspicion:
        follows = (
            (each.path == "split.by" and is_moved)
            or (each.path.endswith(".majority_kept") and each.source in misread)
            or (_is_late_labels(each) and are_late)
            or (each.path.endswith(".unit") and each.source in misdated)
            or (each.path == "environment.textkit" and are_words_misread)
        )
        share = 2.0 if each.path == "split.by" else 5.0 if each.path.endswith(".unit") else 3.0
        return each._replace(strength=each.strength / share) if follows else each

    return [weakened(each) for each in found]


BORNE_OUT, CHANGED_ELSEWHERE, NOT_CHANGED = 1.25, 0.8, 0.95
"""Factors of a suspicion by the changes since the last good run: to what stood there before; at another source or column; neither."""


def remembered(declared: Declared, found: list[Suspicion]) -> list[Suspicion]:
    """With what changed since the last good run: half of what is wrong is a declaration that was right until then."""
    if declared.changed is None:
        return found
    changed = declared.changed
    kinds = {each.kind for each in (Suspicion(path, value, 0.0) for path, value in changed.items())}

    def weighed(each: Suspicion) -> Suspicion:
        if each.path in changed:
            factor = BORNE_OUT if is_as_before(each, changed[each.path]) else 1.0
        else:
            factor = CHANGED_ELSEWHERE if each.kind in kinds else NOT_CHANGED
        return each._replace(strength=factor * each.strength)

    return [weighed(each) for each in found]


def is_as_before(suspicion: Suspicion, before: Value) -> bool:
    """Whether a suspicion asks for what was declared before; of a share, about."""
    if suspicion.path.endswith(".majority_kept") and isinstance(suspicion.value, float) and isinstance(before, float):
        return abs(math.log(suspicion.value / before)) < 0.5
    return suspicion.value == before


def _is_late_labels(suspicion: Suspicion) -> bool:
    """Whether it says that the labels of a source went wrong from a month on."""
    return suspicion.path == f"sources.{suspicion.source}.used_until"


# Labels, against the class of the nearest class mean.


def _sum(matrices: list[Matrix]) -> Matrix:
    return [[sum(cells) for cells in zip(*rows, strict=True)] for rows in zip(*matrices, strict=True)]


def _total(matrix: Matrix) -> float:
    return sum(map(sum, matrix))


def _agreement(matrix: Matrix) -> float:
    return sum(row[place] for place, row in enumerate(matrix)) / max(1.0, _total(matrix))


def _codes(declared: Declared, source: str) -> tuple[str, ...]:
    """The classes of a source's label codes, as declared."""
    return declared.label_maps.get(declared.text(f"sources.{source}.label_map"), ())


def _confusions(declared: Declared, checks: Checks) -> tuple[dict[str, Matrix], dict[str, Matrix]]:
    """Rows of each source by class, as its codes are declared, and nearest class mean; and those of the last month."""
    labelled, recent = {}, {}
    for source, block in checks.by_source("labels", declared.sources).items():
        classes = _codes(declared, source)
        recent[source] = block["last_month"]
        if set(classes) == set(checks.classes):
            labelled[source] = [block["codes"][classes.index(label)] for label in checks.classes]
    return labelled, recent


def _label_maps(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """Labels of a source that stand to the nearest mean as those of the last month do once classes are exchanged."""
    labelled, recent = _confusions(declared, checks)
    if not recent:
        return
    last = _usual(list(recent.values()))
    for source, table in labelled.items():
        path, now = f"sources.{source}.label_map", _codes(declared, source)
        others = [each for name, each in labelled.items() if name != source]
        references = [last, _usual(others)] if others else [last]
        for name, other in declared.label_maps.items():
            if name == declared.text(path):
                continue
            # The label stands for a code, which the other map reads as another class.
            truth = [checks.classes.index(other[now.index(label)]) for label in checks.classes]
            gain = min(_gain(table, usual, truth) for usual in references)
            yield Suspicion(path, name, gain / 6.0, source=source)


def _usual(matrices: list[Matrix]) -> Matrix:
    """Shares of the nearest classes by label."""
    pooled = _sum(matrices)
    return [[(cell + 1.0) / (sum(row) + len(pooled)) for cell in row] for row in pooled]


def _gain(table: Matrix, usual: Matrix, truth: list[int]) -> float:
    """How much more likely the nearest means are where each label means another class, as a log likelihood."""
    columns = [sum(cells) for cells in zip(*table, strict=True)]
    base = [(value + 1.0) / (sum(columns) + len(columns)) for value in columns]
    gain = 0.0
    for label, row in enumerate(table):
        for near, cell in enumerate(row):
            one, other = usual[label][near], usual[truth[label]][near]
            gain += cell * math.log((0.7 * other + 0.3 * base[near]) / (0.7 * one + 0.3 * base[near]))
    return gain


def _late_labels(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """Labels of a source that agree with the nearest mean up to a month and not after it, while its last month does."""
    labelled, recent = _confusions(declared, checks)
    by_month = {
        source: _used(declared, source, series)
        for source, series in (
            (source, block["by_month"]) for source, block in checks.by_source("labels", declared.sources).items()
        )
    }
    for source, series in by_month.items():
        path = f"sources.{source}.used_until"
        used = [place for place, value in enumerate(series) if value is not None]
        if source not in labelled or declared.facts.get(path) is not None:
            continue
        rows = _total(labelled[source]) / max(1, len(used))
        rest = [_mean_of(place, by_month, but=source) for place in range(len(series))]
        for onset in used[2:]:
            before, after = [place for place in used if place < onset], [place for place in used if place >= onset]
            early, late = (fmean(float(series[place] or 0) for place in places) for places in (before, after))
            drop = early - late
            known = [place for place in used if rest[place] is not None]
            if any(place >= onset for place in known) and any(place < onset for place in known):
                drop -= fmean(rest[place] or 0 for place in known if place < onset) - fmean(
                    rest[place] or 0 for place in known if place >= onset
                )
            error = math.sqrt(0.25 / rows * (1 / len(before) + 1 / len(after)) * 1.5 + 0.02**2)
            last = _total(recent.get(source, []))
            against_last = (_agreement(recent[source]) - late) if last > 20 else drop
            error_last = math.sqrt(0.25 / rows / len(after) + 0.25 / max(20.0, last) + 0.03**2)
            score = min(drop / error, 2.0 * against_last / error_last)
            if score > 1.0:
                # Labels of the last months may be incomplete at all sources.
                is_alone = len(by_month) == 1
                yield Suspicion(path, _month(declared, onset - 1), score / (6.4 if is_alone else 4.0), source=source)


def _used(declared: Declared, source: str, series: list[float | None]) -> list[float | None]:
    """A series by month, without the months that the declarations drop for their labels."""
    until = declared.facts.get(f"sources.{source}.used_until")
    last = declared.months.index(str(until)) if until in declared.months else len(series) - 1
    last = min(last, len(series) - 1 - int(declared.number("labels.maturity_months", 0)))
    return [value if place <= last else None for place, value in enumerate(series)]


def _mean_of(place: int, by_month: Mapping[str, list[float | None]], *, but: str) -> float | None:
    found = [series[place] for name, series in by_month.items() if name != but]
    known = [value for value in found if value is not None]
    return fmean(known) if known else None


def _month(declared: Declared, place: int) -> str:
    return declared.months[place] if 0 <= place < len(declared.months) else ""


def _test_sources(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """One source is tested, while rows of others were scored in the last month as well."""
    tested = declared.text("evaluation.sources")
    recent = checks.by_name(STATISTICS, "splits", "recent", "sources")
    if tested in recent:
        others = 1.0 - recent[tested] / max(1.0, sum(recent.values()))
        # Few of them may be rows of earlier months whose dates are read wrongly.
        yield Suspicion("evaluation.sources", "all", others / 0.15)


def _maturity(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """The first class is far more frequent in the last months that are used than before."""
    series = _first_class_by_month(checks)
    dropped = int(declared.number("labels.maturity_months", 0))
    shares = [float(value) for value in series[: len(series) - dropped] if value is not None]
    if len(shares) < 6:
        return
    for late in range(1, 4 - dropped):
        before = shares[:-late]
        rise = min(shares[-late:]) - fmean(before)
        score = rise / math.sqrt((pstdev(before) ** 2 + 0.015**2) * (1 + 1 / late))
        yield Suspicion("labels.maturity_months", dropped + late, min(score / 2.65, rise / 0.108))


def _first_class_by_month(checks: Checks) -> list[float | None]:
    """Share of the first class in the labelled months."""
    series = checks.get("all.classes", checks.classes[0]) if checks.classes else None
    return list(series or [])[:-1]


def _repeats(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """Ids with several lines, and rows that were sent again, where nothing declared removes them."""
    if declared.text("join.keys") == "id":
        lines = checks.number("join.rows", "lines_per_id")
        yield Suspicion("join.keys", "id, line", (lines - 1.0) / 0.115)
    for source, block in checks.by_source("ids", declared.sources).items():
        path = f"sources.{source}.deduplicate"
        if declared.text(path) == "none":
            yield Suspicion(path, "content", (block["repeated_share"] or 0.0) / 0.09, source=source)


def _dates(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """The part of the dates that is declared to be the month exceeds 12."""
    for name, declared_format, other in (
        ("second_part_over_12", "DD/MM/YYYY", "MM/DD/YYYY"),
        ("first_part_over_12", "MM/DD/YYYY", "DD/MM/YYYY"),
    ):
        for source, block in checks.by_source("timestamps", declared.sources).items():
            path = f"sources.{source}.date_format"
            if declared.text(path) == declared_format:
                yield Suspicion(path, other, (block[name] or 0.0) / 0.05, source=source)


# Shares of the classes.


def _dropped_class(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """The joined table lacks rows of one class, which an inner join drops."""
    shares = [value for value in checks.get("join.rows", "joined_share") or [] if value is not None]
    if declared.text("join.how") == "inner" and shares:
        yield Suspicion("join.how", "left", (max(shares) - min(shares)) / 0.2)


def _thinning(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """The first class of a source is rarer, against the last month and the other sources, than its declared share explains."""
    labelled, recent = _confusions(declared, checks)
    # Rows of one customer tend to one class: they count less.
    crowd = max(1.0, rows_per_customer(checks, declared.sources) / 1.35)
    shift: dict[str, tuple[float, float]] = {}
    level: dict[str, tuple[float, float]] = {}
    for source, table in labelled.items():
        before, after = [float(sum(row)) for row in table], [float(sum(row)) for row in recent[source]]
        rows = sum(before), sum(after)
        is_random = declared.facts.get(f"sources.{source}.used_until") is not None
        if rows[0] < 15 or is_random:
            continue
        kept = declared.number(f"sources.{source}.majority_kept", 1.0)
        added = _sent_again_before_labels_were_complete(checks, source) * rows[0]
        spoilt = (added / max(1.0, before[0])) ** 2
        before[0] = max(0.2 * before[0], before[0] - added)
        corrected = _logit(before) - math.log(kept)
        level[source] = corrected, _error(before) * crowd + SOURCES_DIFFER**2 + spoilt
        if rows[1] >= 15:
            error = (_error(before) + _error(after)) * crowd + spoilt
            shift[source] = corrected - _logit(after), error + 0.2**2
    for source in level:
        path = f"sources.{source}.majority_kept"
        # Campaigns move the shares of all sources alike.
        found = [_excess(level, source)] if len(level) > 1 else []
        found += [_excess({**shift, "": CAMPAIGN}, source)] if source in shift else []
        if not found:
            continue
        excess, _ = _pooled(found)
        error = math.sqrt(1.0 / sum(1.0 / variance for _, variance in found))
        kept = declared.number(path, 1.0) * math.exp(excess)
        nearest = 1.0 if kept > 0.6 else round(min(0.4, max(0.15, kept)), 2)
        score = abs(excess) / error
        strength = min(score / 3.2, abs(excess) / 0.6) * _since_last_good_run(checks, source, labelled[source], excess)
        yield Suspicion(path, nearest, strength, source=source)


def _since_last_good_run(checks: Checks, source: str, table: Matrix, excess: float) -> float:
    """Factor of a suspicion that rows of the first class are thinned: whether they became rarer since the last good run; 1: not known."""
    counts = checks.by_name(PREVIOUS, "sources", source, "classes")
    if sum(counts.values()) < 40.0:
        return 1.0
    moved = _logit([float(sum(row)) for row in table]) - _logit([counts[name] for name in checks.classes])
    return 1.3 if moved / excess > 0.5 else 0.75


def _sent_again_before_labels_were_complete(checks: Checks, source: str) -> float:
    """Rows of the first class that bear earlier dates than their labels do, over the rows with complete labels.

    Labels of the last months may not be complete. Where such rows are sent again with earlier dates, they are counted there.
    """
    series = [float(value) for value in _first_class_by_month(checks) if value is not None]
    if len(series) < 6:
        return 0.0
    rise = fmean(series[-3:]) - median(series)
    copies = 0.5 * (checks.get(f"{source}.ids", "repeated_share") or 0.0)
    return max(0.0, rise) * copies / (0.75 + 0.25 * copies) if rise > 0.08 else 0.0


def _excess(values: Mapping[str, tuple[float, float]], source: str) -> tuple[float, float]:
    """How far the value of a source lies above those of the others, and the variance of that."""
    others = [pair for name, pair in values.items() if name != source]
    centre, _ = _pooled(others)
    value, variance = values[source]
    return value - centre, variance + 1.0 / sum(1.0 / each for _, each in others)


def _error(counts: list[float]) -> float:
    return 1 / (counts[0] + 0.5) + 1 / (sum(counts[1:]) + 0.5)


def _pooled(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """Weighted mean of values with variances, and how far they scatter around it."""
    centre = sum(value / variance for value, variance in pairs) / sum(1 / variance for _, variance in pairs)
    return centre, sum((value - centre) ** 2 / variance for value, variance in pairs)


def _logit(counts: list[float]) -> float:
    return math.log((counts[0] + 0.5) / (sum(counts[1:]) + 0.5))


def _class_weights(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """The file of class counts lists the classes in another order."""
    written = checks.get("train.counts", "class_counts_file")
    counts = checks.get("train.counts", "train_counts")
    order = declared.text("class_weights.order")
    orders = _orders(list(checks.classes))
    if not written or not counts or order not in orders:
        return
    # The file was written when there were fewer rows, of one class more than of another.
    grown = sum(counts) / max(1.0, sum(written))
    misfit = {
        name: sum(abs(grown * count - counts[place]) for count, place in zip(written, listed, strict=True))
        for name, listed in orders.items()
    }
    best = min(misfit, key=lambda name: misfit[name])
    yield Suspicion("class_weights.order", best, (misfit[order] - misfit[best]) / max(1.0, 0.06 * sum(counts)))


def _orders(names: list[str]) -> dict[str, list[int]]:
    """Name of an order to the classes in it, by number."""
    count = len(names)
    return {
        "model": list(range(count)),
        "sorted": sorted(range(count), key=lambda place: names[place]),
        "reversed": list(range(count))[::-1],
    }


# Features and texts.


def _tokenizers(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    for source, block in checks.by_source("texts", declared.sources).items():
        by_version: dict[str, float] = block["distance_from_other_sources"]
        path = f"sources.{source}.tokenizer"
        now = by_version.get(declared.text(path))
        if now is None:
            continue
        best = min(by_version, key=lambda version: by_version[version])
        gap = now - by_version[best]
        yield Suspicion(path, best, min(gap / 0.03, now / 0.08), source=source)


def _updated_columns(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """What the newest export of a column adds to its value at the event goes with the class, not only at random."""
    for block in checks.by_source("updates", declared.sources).values():
        for column, value in block["class_association"].items():
            if declared.text(f"features.{column}.as_of") == "export":
                yield Suspicion(f"features.{column}.as_of", "event", (value or 0.0) / 0.2)


def _split(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    if declared.text("split.by") != "random":
        return
    movement = checks.number("all.movement", "class_mean_movement") / 4.2
    yield Suspicion("split.by", "month", min(movement, 3.0))
    if declared.text("split.groups") == "none":
        yield Suspicion("split.groups", "customer", (rows_per_customer(checks, declared.sources) - 1.0) / 0.3)


def rows_per_customer(checks: Checks, sources: tuple[str, ...]) -> float:
    """Mean rows of a customer at the sources that were looked at; NaN: not known."""
    found = [float(block["rows_per_customer"]) for block in checks.by_source("ids", sources).values()]
    return fmean(found) if found else math.nan


def _filled(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """A constant far from all values fills empty cells; those of the second table alone may be empty for another reason."""
    if declared.facts.get("imputer.fill") == -999:
        shares = checks.by_name("feature_statistics", "empty_share")
        own = max((share for name, share in shares.items() if name not in declared.joined), default=0.0)
        yield Suspicion("imputer.fill", "median", max(own / 0.025, min(1.2, max(shares.values(), default=0.0) / 0.025)))


def _libraries(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    if declared.text("environment.tabular") == "2.4":
        yield Suspicion("environment.tabular", "2.3", tails_are_cut(checks))
    if declared.text("environment.textkit") == "1.9":
        yield Suspicion("environment.textkit", "1.8", words_are_cut(checks))


def tails_are_cut(checks: Checks) -> float:
    """How far the classes show in the tails of columns, which a scaler that clips cuts off; 0: not looked at."""
    tails = checks.by_name("all.tails", "tail_association")
    bulk = checks.by_name("all.tails", "class_association")
    ranked = sorted((tails[name] - 0.5 * bulk.get(name, 0.0) for name in tails), reverse=True)
    return ranked[1] / 0.16 if len(ranked) > 1 else 0.0


def words_are_cut(checks: Checks) -> float:
    """How far the classes show in the rarer words, which a short vocabulary leaves out; 0: not looked at."""
    frequent, other = (checks.number("all.words", name) for name in ("frequent_words", "other_words"))
    return 0.0 if math.isnan(other - frequent) else (other - 0.6 * frequent) / 0.02


# Training and evaluation.


def _label_order(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """The test rows' labels agree with the nearest class means once the file is read in another order."""
    table: Matrix = checks.get("test.labels", "test_file") or []
    order = declared.text("evaluation.label_order")
    orders = _orders(list(checks.classes))
    if not table or order not in orders:
        return
    right = {name: sum(table[place][read] for place, read in enumerate(listed)) for name, listed in orders.items()}
    for name in orders:
        gained = (right[name] - right[order]) / max(1.0, _total(table))
        yield Suspicion("evaluation.label_order", name, gained / 0.08)


def _validation_ids(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """As many rows were scored for the validation as the test has, and not as the validation has."""
    now = declared.text("evaluation.validation_ids")
    scored = checks.number(RESULTS, "rows_scored", "validation")
    rows = checks.number(STATISTICS, "splits", "validation", "rows")
    if now in ("a", "b") and not math.isnan(scored + rows):
        yield Suspicion("evaluation.validation_ids", "b" if now == "a" else "a", 10.0 if scored != rows else 0.0)


def _training(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    if declared.facts.get("loader.shuffle") is False:
        entropy = checks.number("train.batches", "arrival_label_entropy")
        yield Suspicion("loader.shuffle", True, (1.0 - entropy) / 0.45)
    if declared.text("loss.divide_by") == "capacity":
        filled = checks.number("train.batches", "rows_over_capacity")
        yield Suspicion("loss.divide_by", "rows", (1.0 - filled) / 0.34)


__all__ = ["Checks", "clues_of_checks"]
