"""How loud the faults of runs of several sources are: what eval_results.json and train.log alone show of a finished run.

Each number that a reader of the two files can form is set against healthy runs: 0 is their median, 1 the end of the range in which
nine tenths of them lie. The loudness of a run is its largest such number, over what a tenth of the healthy runs exceeds: a run
above 1 is louder than nine tenths of the healthy ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.training.multi_source.case import draw_case
from domain.training.multi_source.layout import LABELLED_MONTHS
from domain.training.multi_source.loudness import SourceLoudness
from domain.training.multi_source.reports import source_rows
from domain.training.multi_source.run import Run, simulate
from domain.training.randomness import Floats, Stream

SEEDS, FIRST_SEED = 40, 48_000_000
HEALTHY_RUNS, FIRST_HEALTHY = 400, 49_000_000
TARGET = Path(__file__).parents[1] / "domain" / "training" / "multi_source" / "loudness.py"
TABLE = "SOURCE_LOUDNESS: Mapping[str, SourceLoudness]"
"""What stands before the table in it."""
TAIL = 0.05
USUAL = 0.9
"""Share of the healthy runs that are no louder than 1."""
_LEAST = 1e-3
"""Width of a range at least: some numbers are the same in every healthy run."""


class Scale(NamedTuple):
    """The healthy range of every number, and the loudness that nine tenths of the healthy runs keep to."""

    middle: Floats
    below: Floats
    above: Floats
    usual: float

    def loudness(self, numbers: Floats) -> float:
        return _largest(self, numbers) / self.usual


def printed(run: Run) -> Floats:
    """The numbers that are read off the two files."""
    scores, epochs = run.scores, run.fit.epochs
    validation, test, recent = (scores[name] for name in ("reported_validation", "reported_test", "recent"))
    last, kept = epochs[-1], epochs[max(0, run.fit.best_epoch - 1)]
    confusions = [one.confusion.astype(float) for one in (validation, test, recent)]
    return np.array(
        [
            validation.accuracy,
            validation.accuracy - test.accuracy,
            validation.accuracy - recent.accuracy,
            test.accuracy - recent.accuracy,
            last.train_accuracy - validation.accuracy,
            kept.val_accuracy - validation.accuracy,
            validation.loss - test.loss,
            validation.rows / max(1, test.rows),
            epochs[0].train_loss / np.log(len(run.state.layout.classes)),
            last.train_loss,
            last.gradient_norm_max / max(last.gradient_norm, 1e-9),
            last.loss_of_thirds[2] - last.loss_of_thirds[0],
            *_by_source(run),
            *_by_month(run),
            *_rows(run),
            *(number for table in confusions for number in _diagonal(table)),
            *_class_shares(confusions[0] + confusions[1], confusions[2]),
        ]
    )


def _by_source(run: Run) -> Iterable[float]:
    """Accuracy of a source where it was labelled against the last month, and validation against test, in standard errors."""
    gaps, between = [], []
    for place, _ in enumerate(run.state.layout.source_names):
        right = {name: _right(run, name, run.sets[name].source == place) for name in ("validation", "test", "recent")}
        labelled = np.concatenate([right["validation"], right["test"]])
        gaps.append(_errors(labelled, right["recent"]))
        between.append(_errors(right["validation"], right["test"]))
    return max(gaps), min(gaps), max(between), min(between)


def _right(run: Run, name: str, chosen: NDArray[np.bool_]) -> Floats:
    labels = run.test_labels if name == "test" else run.sets[name].label
    found: Floats = (run.predicted[name][chosen] == labels[chosen]).astype(np.float64)
    return found


def _errors(one: Floats, other: Floats) -> float:
    """Difference of two means in standard errors; 0 where rows are few."""
    if min(len(one), len(other)) < 5:
        return 0.0
    variance = sum((part.mean() * (1 - part.mean()) + 0.25 / len(part)) / len(part) for part in (one, other))
    return float((one.mean() - other.mean()) / variance**0.5)


def _by_month(run: Run) -> Iterable[float]:
    month = run.sets["test"].month
    parts = [_right(run, "test", month == place) for place in range(LABELLED_MONTHS)]
    late = np.concatenate(parts[-3:])
    early = np.concatenate(parts[:-3])
    whole = np.concatenate(parts)
    steps = [_errors(part, whole) for part in parts]
    return _errors(late, early), max(steps), min(steps)


def _rows(run: Run) -> Iterable[float]:
    """Rows by source as the log has them."""
    found = list(source_rows(run).values())
    outside = [one["outside_window"] / max(1, one["read"]) for one in found]
    dropped = [one["dropped"] / max(1, one["read"]) for one in found]
    return max(outside), max(outside) - float(np.median(outside)), max(dropped), min(dropped)


def _diagonal(confusion: Floats) -> Iterable[float]:
    shares = confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    own = np.diag(shares)
    return float(own.min()), float((shares - np.diag(own)).max()), float(np.ptp(own))


def _class_shares(labelled: Floats, recent: Floats) -> Iterable[float]:
    """Largest and lowest log ratio of the shares of a class among labelled and recent rows."""
    one, other = ((table.sum(1) + 1.0) / (table.sum() + len(table)) for table in (labelled, recent))
    ratio = np.log(one / other)
    return float(ratio.max()), float(ratio.min())


def _largest(scale: Scale, numbers: Floats) -> float:
    off = numbers - scale.middle
    return float(np.abs(off / np.where(off > 0, scale.above, scale.below)).max())


def healthy_scale(runs: int = HEALTHY_RUNS) -> Scale:
    """The scale of so many healthy runs."""
    found = np.array([printed(simulate(draw_case(FIRST_HEALTHY + at, "train", ()).now)) for at in range(runs)])
    low, middle, high = np.quantile(found, (TAIL, 0.5, 1 - TAIL), axis=0)
    scale = Scale(middle, np.maximum(middle - low, _LEAST), np.maximum(high - middle, _LEAST), 1.0)
    return scale._replace(usual=float(np.quantile([_largest(scale, one) for one in found], USUAL)))


def measure_fault(fault_id: str, scale: Scale, seeds: int = SEEDS) -> SourceLoudness:
    """Plant a fault in so many seeds."""
    loud, change = [], []
    for number in range(seeds):
        # The streams of a case start from 128 bits: neighbouring numbers are as good as any.
        high, low = (int(word) for word in Stream(FIRST_SEED + number, fault_id).raw(2))
        case = draw_case((high << 64) | low, "train", (fault_id,))
        run, twin = simulate(case.now), simulate(case.twin)
        loud.append(scale.loudness(printed(run)))
        change.append(run.scores["recent"].accuracy - twin.scores["recent"].accuracy)
    return SourceLoudness(
        recent_change=float(np.mean(change)),
        loudness=float(np.median(loud)),
        shown=float(np.mean(np.array(loud) > 1.0)),
    )
