"""Clues from the sanity checks: where a measurement contradicts a declaration."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import fmean, median, pstdev
from typing import Any

from mlops_debug_env.agents.declared.reading import Declared
from mlops_debug_env.agents.declared.suspicion import Suspicion

Matrix = list[list[float]]


_MOVES_CLASSES = ("labels.maturity_months",)


class Checks:
    """What the checks measured; what was not run is empty."""

    def __init__(self, measured: Mapping[str, Mapping[str, Any]]) -> None:
        self._measured = measured

    def get(self, check: str, *names: str) -> Any:
        """A number, list or dictionary of a check; None where it is not known."""
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
        return tuple(self.get("label_consistency", "classes") or self.get("class_balance", "classes") or ())


def clues_of_checks(declared: Declared, checks: Checks) -> list[Suspicion]:
    """Everything that the checks contradict."""
    labels = [*_label_maps(declared, checks), *_late_labels(declared, checks)]
    blamed = {each.source for each in labels if each.strength > 1.0}
    found = [*labels, *_test_sources(declared, checks, blamed)]
    for rule in (  # of all that is not about labels against features
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
    return explained(found)


def explained(found: list[Suspicion]) -> list[Suspicion]:
    """Without what follows from a stronger finding: labels that change in the last months move the class means, too."""
    is_moved = any(each.strength > 1.0 and each.path in _MOVES_CLASSES for each in found)
    is_late = any(each.strength > 1.0 and each.path.endswith(".used_until") for each in found)
    if not (is_moved or is_late):
        return found
    return [each._replace(strength=each.strength / 2.0) if each.path == "split.by" else each for each in found]


# Labels, against the class of the nearest class mean.


def _sum(matrices: list[Matrix]) -> Matrix:
    return [[sum(cells) for cells in zip(*rows, strict=True)] for rows in zip(*matrices, strict=True)]


def _total(matrix: Matrix) -> float:
    return sum(map(sum, matrix))


def _agreement(matrix: Matrix) -> float:
    return sum(row[place] for place, row in enumerate(matrix)) / max(1.0, _total(matrix))


def _confusions(checks: Checks) -> tuple[dict[str, Matrix], dict[str, Matrix]]:
    labels = checks.get("label_consistency") or {}
    return labels.get("by_source") or {}, labels.get("last_month_by_source") or {}


def _label_maps(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """Labels of a source that stand to the nearest mean as those of the last month do once classes are exchanged."""
    labelled, recent = _confusions(checks)
    if not recent:
        return
    last = _usual(list(recent.values()))
    for source, table in labelled.items():
        path = f"sources.{source}.label_map"
        now = declared.label_maps.get(declared.text(path), ())
        others = _usual([each for name, each in labelled.items() if name != source] or [table])
        for name, other in declared.label_maps.items():
            if name == declared.text(path) or not now:
                continue
            # The label stands for a code, which the other map reads as another class.
            truth = [checks.classes.index(other[now.index(label)]) for label in checks.classes]
            gain = min(_gain(table, usual, truth) for usual in (last, others))
            yield Suspicion(path, name, gain / 14.0, source=source)


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
    labelled, recent = _confusions(checks)
    by_month: dict[str, list[float | None]] = checks.get("label_consistency", "by_source_and_month") or {}
    for source, series in by_month.items():
        path = f"sources.{source}.used_until"
        used = [place for place, value in enumerate(series) if value is not None]
        rows = _total(labelled[source]) / max(1, len(used))
        rest = [_mean_of(place, by_month, but=source) for place in range(len(series))]
        for onset in used[2:]:
            before, after = [place for place in used if place < onset], [place for place in used if place >= onset]
            early, late = (
                fmean(float(series[place] or 0) for place in before),
                fmean(float(series[place] or 0) for place in after),
            )
            drop = early - late
            known = [place for place in used if rest[place] is not None]
            if any(place >= onset for place in known) and any(place < onset for place in known):
                usual = fmean(rest[place] or 0 for place in known if place < onset) - fmean(
                    rest[place] or 0 for place in known if place >= onset
                )
                drop -= usual
            error = math.sqrt(0.25 / rows * (1 / len(before) + 1 / len(after)) * 1.5 + 0.02**2)
            against_last = (_agreement(recent[source]) - late) if _total(recent.get(source, [])) > 20 else drop
            error_last = math.sqrt(
                0.25 / rows / len(after) + 0.25 / max(20.0, _total(recent.get(source, []))) + 0.03**2
            )
            score = min(drop / error, 2.0 * against_last / error_last)
            if score > 1.0 and declared.facts.get(path, "") is None:
                yield Suspicion(path, _month(declared, onset - 1), score / 5.0, source=source)


def _mean_of(place: int, by_month: Mapping[str, list[float | None]], *, but: str) -> float | None:
    found = [series[place] for name, series in by_month.items() if name != but]
    known = [value for value in found if value is not None]
    return fmean(known) if known else None


def _month(declared: Declared, place: int) -> str:
    return declared.months[place] if 0 <= place < len(declared.months) else ""


def _test_sources(declared: Declared, checks: Checks, blamed: set[str]) -> Iterator[Suspicion]:
    """Sources whose labels are of different worth, while the test covers one of them."""
    labelled, recent = _confusions(checks)
    chance = 1.0 / max(1, len(checks.classes))
    if declared.text("evaluation.sources") in ("all", "None"):
        return
    worth = {}
    for source, table in labelled.items():
        last = recent.get(source, [])
        if source in blamed or min(_total(table), _total(last)) < 30:
            continue
        right = max(0.15, _agreement(last) - chance)
        error = math.sqrt(0.22 / _total(table) + 0.22 / _total(last)) / right
        worth[source] = min(1.05, (_agreement(table) - chance) / right), error
    if len(worth) < 2:
        return
    values = list(worth.values())
    centre = sum(value / error**2 for value, error in values) / sum(1 / error**2 for _, error in values)
    excess = sum(((value - centre) / math.hypot(error, 0.06)) ** 2 for value, error in values) - (len(values) - 1)
    spread = max(value for value, _ in values) - min(value for value, _ in values)
    yield Suspicion("evaluation.sources", "all", min(excess / 11.0, spread / 0.28))


def _maturity(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """The first class is far more frequent in the last used months than before."""
    series: list[float | None] = checks.get("class_balance", "by_month") or []
    used = [place for place, value in enumerate(series) if value is not None]
    if len(used) < 6:
        return
    shares = [float(series[place] or 0) for place in used]
    for late in (1, 2, 3):
        before = shares[:-late]
        rise = min(shares[-late:]) - fmean(before)
        score = rise / math.sqrt((pstdev(before) ** 2 + 0.015**2) * (1 + 1 / late))
        yield Suspicion("labels.maturity_months", 3, min(score / 3.2, rise / 0.09))


def _repeats(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    shares = checks.by_name("data_leakage", "repeated_by_source")
    if not shares:
        return
    usual = median(shares.values())
    if declared.text("join.keys") == "id":
        yield Suspicion("join.keys", "id, line", usual / 0.1)
    for source, share in shares.items():
        path = f"sources.{source}.deduplicate"
        if declared.text(path) == "none":
            yield Suspicion(path, "content", (share - (usual if usual > 0.1 else 0.0)) / 0.05, source=source)


def _dates(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """Rows of a source that are dated outside the window."""
    for source in declared.sources:
        path = f"sources.{source}.date_format"
        outside = checks.number("dataset_stats", "sources", source, "outside_window")
        rows = checks.number("dataset_stats", "sources", source, "read")
        other = "MM/DD/YYYY" if declared.text(path) == "DD/MM/YYYY" else "DD/MM/YYYY"
        if rows > 0:
            yield Suspicion(path, other, outside / rows / 0.06, source=source)


# Shares of the classes.


def _counts(matrix: Matrix) -> list[float]:
    return [sum(row) for row in matrix]


def _dropped_class(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    stored = checks.get("class_balance", "shares", "stored")
    labelled, _ = _confusions(checks)
    if declared.text("join.how") != "inner" or not stored or not labelled:
        return
    counts = _counts(_sum(list(labelled.values())))
    for used, share in zip(counts, stored, strict=True):
        if share and share > 0.02:
            yield Suspicion("join.how", "left", math.log(share / max(1e-3, used / sum(counts))) / 0.5)


def _thinning(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """The first class of a source is rarer, against the others and the last month, than its declared share explains."""
    labelled, recent = _confusions(checks)
    shift: dict[str, tuple[float, float]] = {}
    for source, table in labelled.items():
        before, after = _counts(table)[:-1], _counts(recent.get(source, []))[:-1]
        if min(sum(before), sum(after)) < 15:
            continue
        kept = declared.number(f"sources.{source}.majority_kept", 1.0)
        value = _logit(before) - _logit(after) - math.log(kept)
        error = 0.0
        for counts in (before, after):
            error += 1 / (counts[0] + 0.5) + 1 / (sum(counts[1:]) + 0.5)
        shift[source] = value, error + 0.12**2
    # Campaigns move the shares of all sources alike: the one without which the others agree best is the odd one.
    rest = {source: _pooled([each for name, each in shift.items() if name != source]) for source in shift}
    for source in sorted(rest, key=lambda name: rest[name][1])[:1]:
        value, variance = shift[source]
        path = f"sources.{source}.majority_kept"
        excess = value - rest[source][0]
        kept = min(1.0, max(0.02, declared.number(path, 1.0) * math.exp(excess)))
        score = abs(excess) / math.sqrt(variance + 0.15**2)
        yield Suspicion(path, round(kept, 2), min(score / 3.0, abs(excess) / 0.55), source=source)


def _pooled(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """Weighted mean of values with variances, and how far they scatter around it; a single value says nothing of others."""
    if len(pairs) < 2:
        return 0.0, sum(value**2 / variance for value, variance in pairs)
    centre = sum(value / variance for value, variance in pairs) / sum(1 / variance for _, variance in pairs)
    return centre, sum((value - centre) ** 2 / variance for value, variance in pairs)


def _logit(counts: list[float]) -> float:
    return math.log((counts[0] + 0.5) / (sum(counts[1:]) + 0.5))


def _class_weights(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """The weights of the classes belong to other classes."""
    applied = checks.get("class_balance", "applied_weight")
    shares = checks.get("class_balance", "shares", "train")
    order = declared.text("class_weights.order")
    labelled, _ = _confusions(checks)
    if not applied or not shares or order == "None":
        return
    power, count = declared.number("class_weights.power", 0.5), len(shares)
    right = [(1.0 / (count * max(1e-3, share))) ** power for share in shares]
    names = list(checks.classes)
    orders = _orders(names)
    places = range(1, count) if _thinned(declared, labelled) > 1.01 else range(count)
    fits = {}
    for world, listed in orders.items():
        # Entry k of the file is the weight of class listed[k]; it is applied to class read[k].
        guess = [0.0] * count
        for place, read in enumerate(orders[order]):
            guess[read] = right[listed[place]]
        guess[0] *= _thinned(declared, labelled)
        fits[world] = fmean((math.log(max(1e-6, applied[at])) - math.log(guess[at])) ** 2 for at in places)
    best = min(fits, key=lambda world: fits[world])
    if best != order:
        yield Suspicion("class_weights.order", best, math.sqrt(max(0.0, fits[order])) / 0.07)


def _thinned(declared: Declared, labelled: dict[str, Matrix]) -> float:
    """Mean weight that rows of the first class get because their source was thinned."""
    total = weighted = 0.0
    for source, table in labelled.items():
        rows = sum(table[0])
        total += rows
        weighted += rows / declared.number(f"sources.{source}.majority_kept", 1.0)
    return weighted / total if total else 1.0


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
    distances: dict[str, dict[str, float]] = checks.get("encoder_version_match", "distance_from_other_sources") or {}
    for source, by_version in distances.items():
        path = f"sources.{source}.tokenizer"
        now = by_version.get(declared.text(path))
        if now is None:
            continue
        best = min(by_version, key=lambda version: by_version[version])
        gap = now - by_version[best]
        yield Suspicion(path, best, min(gap / 0.03, now / 0.08), source=source)


def _updated_columns(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """The class means of one column move from the last labelled months to the last month, and those of others do not."""
    change = checks.by_name("feature_statistics", "class_mean_change")
    for column, value in change.items():
        if declared.text(f"features.{column}.as_of") != "export":
            continue
        rest = [each for name, each in change.items() if name != column]
        yield Suspicion(
            f"features.{column}.as_of",
            "event",
            min((value - median(rest)) / 0.3, value / (1.25 * max(0.1, sorted(rest)[-2]))),
        )


def _split(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    if declared.text("split.by") != "random":
        return
    yield Suspicion("split.by", "month", checks.number("feature_statistics", "class_mean_movement") / 7.0)
    if declared.text("split.groups") == "none":
        rows = checks.number("data_leakage", "rows_per_customer")
        shared = checks.number("data_leakage", "shared_customers", "train/validation")
        yield Suspicion("split.groups", "customer", min((rows - 1.0) / 0.25, shared / 0.2))


def _filled(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """A constant far from all values fills empty cells; those of the second table alone may be empty for another reason."""
    if declared.facts.get("imputer.fill") == -999:
        shares = checks.by_name("feature_statistics", "filled_share", "train")
        own = max((share for name, share in shares.items() if name not in declared.joined), default=0.0)
        yield Suspicion("imputer.fill", "median", max(own / 0.005, min(1.2, max(shares.values(), default=0.0) / 0.005)))


def _libraries(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    if declared.text("environment.tabular") == "2.4":
        tails = checks.by_name("feature_statistics", "tail_association")
        bulk = checks.by_name("feature_statistics", "class_association", "train")
        ranked = sorted((tails[name] - 0.5 * bulk.get(name, 0.0) for name in tails), reverse=True)
        if len(ranked) > 1:
            yield Suspicion("environment.tabular", "2.3", ranked[1] / 0.12)
    if declared.text("environment.textkit") == "1.9":
        frequent = checks.number("encoder_version_match", "frequent_words")
        other = checks.number("encoder_version_match", "other_words")
        yield Suspicion("environment.textkit", "1.8", (other - 0.6 * frequent) / 0.006)


# Training and evaluation.


def _label_order(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """The test rows' labels are the right ones once they are read in another order."""
    agreement = checks.by_name("label_consistency", "nearest_mean_agreement")
    accuracy = checks.by_name("metric_gap_analysis", "accuracy")
    order = declared.text("evaluation.label_order")
    orders = _orders(list(checks.classes))
    if "test" not in agreement or order not in orders:
        return
    usual = fmean(agreement[name] for name in ("train", "validation") if name in agreement)
    gap = usual - agreement["test"] + accuracy.get("validation", 0.0) - accuracy.get("test", 0.0)
    confusion = checks.get("eval_results", "confusion", "test") or {}
    table = [confusion[name] for name in checks.classes if name in confusion]
    if len(table) != len(checks.classes):
        yield Suspicion("evaluation.label_order", "sorted" if order == "model" else "model", gap / 0.3)
        return
    # A class was read from its place in the declared order; in another one that place means another class.
    right = {
        name: sum(table[read][listed[place]] for place, read in enumerate(orders[order]))
        for name, listed in orders.items()
    }
    best = max((name for name in orders if name != order), key=lambda name: right[name])
    gained = (right[best] - right[order]) / max(1.0, _total(table))
    yield Suspicion("evaluation.label_order", best, min(gap / 0.3, gained / 0.1))


def _validation_ids(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    rows = checks.number("metric_gap_analysis", "rows", "validation")
    reported = checks.number("metric_gap_analysis", "reported", "validation", "rows")
    now = declared.text("evaluation.validation_ids")
    if now in ("a", "b"):
        yield Suspicion("evaluation.validation_ids", "b" if now == "a" else "a", 10.0 if rows != reported else 0.0)


def _training(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    entropy = checks.number("loss_trajectory", "batch_label_entropy")
    if declared.facts.get("loader.shuffle") is False:
        yield Suspicion("loader.shuffle", True, (1.0 - entropy) / 0.1)
    first, uniform = (
        checks.number("loss_trajectory", "first_batch_loss"),
        checks.number("loss_trajectory", "log_classes"),
    )
    if declared.text("loss.divide_by") == "capacity":
        yield Suspicion("loss.divide_by", "rows", 3.0 if first < 0.6 * uniform else 0.0)


__all__ = ["Checks", "clues_of_checks"]
