"""Clues from labels: against the class of the nearest class mean, and in the orders that files list classes in."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import fmean

from mlops_debug_env.agents.declared.baseline import accuracy_change
from mlops_debug_env.agents.declared.checks import Checks
from mlops_debug_env.agents.declared.reading import Declared
from mlops_debug_env.agents.declared.suspicion import Suspicion

Matrix = list[list[float]]


def _sum(matrices: list[Matrix]) -> Matrix:
    return [[sum(cells) for cells in zip(*rows, strict=True)] for rows in zip(*matrices, strict=True)]


def _total(matrix: Matrix) -> float:
    return sum(map(sum, matrix))


def _agreement(matrix: Matrix) -> float:
    return sum(row[place] for place, row in enumerate(matrix)) / max(1.0, _total(matrix))


def _codes(declared: Declared, source: str) -> tuple[str, ...]:
    """The classes of a source's label codes, as declared."""
    return declared.label_maps.get(declared.text(f"sources.{source}.label_map"), ())


def confusions(declared: Declared, checks: Checks) -> tuple[dict[str, Matrix], dict[str, Matrix]]:
    """Rows of each source by class, as its codes are declared, and nearest class mean; and those of the last month."""
    labelled, recent = {}, {}
    for source, block in checks.by_source("labels", declared.sources).items():
        classes = _codes(declared, source)
        recent[source] = block["last_month"]
        if set(classes) == set(checks.classes):
            labelled[source] = [block["codes"][classes.index(label)] for label in checks.classes]
    return labelled, recent


def label_maps(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """Labels of a source that stand to the nearest mean as those of the last month do once classes are exchanged."""
    labelled, recent = confusions(declared, checks)
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
            yield Suspicion(path, name, gain / SURE_GAIN, source=source)


SURE_GAIN = 12.0
"""Log likelihood that exchanged labels gain and others hardly ever do."""


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


def late_labels(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """Labels of a source that agree with the nearest mean up to a month and not after it, while its last month does."""
    labelled, recent = confusions(declared, checks)
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
                strength = score / (4.6 if is_alone else 2.9)
                # Labels that are random from a month on make the model look worse at this source than it did.
                fell = -accuracy_change(declared, checks, source)
                strength *= 1.0 if fell >= 0.06 else 0.6 if fell < 0.06 else 0.7
                yield Suspicion(path, _month(declared, onset - 1), strength, source=source)


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


def label_order(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
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


def class_weights(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
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
