"""The small library that the shown preprocessing.py imports: frames, splits, scalers, encoders, selection, scoring.

Names follow the field's usual ones, arithmetic is exact or behind a float32 barrier, and nothing here knows a fault. The
simulator calls the same functions, so the code that is shown is the code that ran.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

import numpy as np

from domain.training.frame import Frame
from domain.training.randomness import Floats, Ints, Stream, distinct, to_float32_grid

VOCABULARIES = {"v1": 12, "v2": 24}
"""Word types that each tokenizer version knows: v1 was built before the newer half came into use."""


class Split(NamedTuple):
    rest: Frame
    held_out: Frame


def split_rows(frame: Frame, *, test_size: float, groups: Ints | None, random_state: int | None) -> Split:
    """Hold out a random share of the rows, or of whole groups; both parts keep the order of the rows.

    A draw depends on random_state and on test_size. None draws from the frame's entropy.
    """
    units = np.arange(len(frame)) if groups is None else groups
    ids = distinct(units)
    seed = frame.entropy if random_state is None else random_state
    order = Stream(seed, f"split/{test_size:.4g}").permutation(len(ids))
    is_held_out = np.zeros(1 + int(ids[-1]), dtype=bool)
    is_held_out[ids[order[: round(len(ids) * test_size)]]] = True
    mask = is_held_out[units]
    return Split(frame.take(np.flatnonzero(~mask)), frame.take(np.flatnonzero(mask)))


class RandomOverSampler:
    """Draws further copies of rare classes until all are equally frequent; each copy stands behind the row it repeats.

    A copied row of a frame gets a row id of its own and keeps everything else, its customer too.
    """

    def __init__(self, *, random_state: int) -> None:
        self.random_state = random_state

    def _rows(self, labels: Ints) -> Ints:
        draw = Stream(self.random_state, "oversample")
        counts = np.bincount(labels)
        top = int(counts.max())
        pools = [np.flatnonzero(labels == code) for code in range(len(counts))]
        added = [pool[draw.below(len(pool), top - len(pool))] for pool in pools if 0 < len(pool) < top]
        return np.sort(np.concatenate([np.arange(len(labels)), *added]))

    def fit_resample(self, features: Floats, labels: Ints) -> tuple[Floats, Ints]:
        """Features (rows, columns) and labels (rows,) with the copies added."""
        rows = self._rows(labels)
        return features[rows], labels[rows]

    def fit_resample_frame(self, frame: Frame) -> Frame:
        """The frame with the copies added."""
        rows = self._rows(frame.label_codes)
        is_copy = np.diff(rows, prepend=-1) == 0
        index = frame.index[rows]
        index[is_copy] = frame.index.max() + np.arange(1, 1 + int(is_copy.sum()))
        return replace(frame.take(rows), index=index)


class SimpleImputer:
    """Fills missing numbers: ``median`` or ``mean`` of the fitted rows, or ``constant``."""

    def __init__(self, *, strategy: str = "median", fill_value: float = 0.0) -> None:
        self.strategy, self.fill_value = strategy, fill_value
        self.statistics_: Floats = np.empty(0)

    def fit(self, matrix: Floats) -> SimpleImputer:
        """Learn one fill value per column of `matrix` (rows, columns)."""
        if self.strategy == "constant":
            self.statistics_ = np.full(matrix.shape[1], self.fill_value)
            return self
        ordered = np.sort(matrix, axis=0)  # NaN sorts last
        present = len(matrix) - np.isnan(matrix).sum(axis=0)
        columns = np.arange(matrix.shape[1])
        if self.strategy == "median":
            self.statistics_ = ordered[(present - 1) // 2, columns]
        else:
            self.statistics_ = to_float32_grid(np.nansum(matrix, axis=0) / present)
        return self

    def transform(self, matrix: Floats) -> Floats:
        """A copy without missing numbers."""
        rows, columns = np.nonzero(np.isnan(matrix))
        filled = matrix.copy()
        filled[rows, columns] = self.statistics_[columns]
        return filled


class StandardScaler:
    """Subtracts the mean and divides by the standard deviation of the fitted rows."""

    mean_: Floats
    scale_: Floats

    def fit(self, matrix: Floats) -> StandardScaler:
        """Learn mean and scale of each column of `matrix` (rows, columns)."""
        self.mean_, self.scale_ = to_float32_grid(matrix.mean(0)), to_float32_grid(matrix.std(0))
        return self

    def transform(self, matrix: Floats) -> Floats:
        """`matrix` in units of the fitted standard deviation."""
        return (matrix - self.mean_) / self.scale_

    def fit_transform(self, matrix: Floats) -> Floats:
        """Fit on `matrix`, then transform it."""
        return self.fit(matrix).transform(matrix)


class IdentityTransform:
    """A scaler that leaves the numbers as they are."""

    def fit(self, matrix: Floats) -> IdentityTransform:
        """Learn nothing."""
        return self

    def transform(self, matrix: Floats) -> Floats:
        """`matrix` itself."""
        return matrix


class TargetEncoder:
    """Replaces a category by the smoothed class frequencies of the fitted rows that have it."""

    def __init__(self, *, classes: int, levels: int, smooth: float) -> None:
        self.classes, self.levels, self.smooth = classes, levels, smooth
        self._table: Floats = np.empty((0, classes))

    def fit(self, segment: Ints, labels: Ints) -> TargetEncoder:
        """Count labels (rows,) in each segment (rows,)."""
        self._table = self._count(segment, labels)
        return self

    def _count(self, segment: Ints, labels: Ints) -> Floats:
        """(levels + 1, classes); the last row is the prior, for a level that did not exist yet."""
        cells = np.bincount(segment * self.classes + labels, minlength=self.levels * self.classes)
        counts = cells.reshape(self.levels, self.classes).astype(np.float64)
        prior = np.bincount(labels, minlength=self.classes) / len(labels)
        table = (counts + self.smooth * prior) / (counts.sum(1, keepdims=True) + self.smooth + 1e-12)
        return np.concatenate([table, prior[None]])

    def transform(self, segment: Ints) -> Floats:
        """(rows, classes)."""
        return self._table[np.minimum(segment, len(self._table) - 1)]

    def cross_fit(self, segment: Ints, labels: Ints, *, cv: int, random_state: int) -> Floats:
        """Encode each row from the other folds only, (rows, classes); what was fitted stays as it is."""
        fold = (np.arange(len(labels)) % cv)[Stream(random_state, "folds").permutation(len(labels))]
        encoded = np.empty((len(labels), self.classes))
        for number in range(cv):
            inside = fold == number
            table = self._count(segment[~inside], labels[~inside])
            encoded[inside] = table[segment[inside]]
        return encoded


class SelectKBest:
    """Keeps the k columns whose class means differ most."""

    def __init__(self, *, k: int) -> None:
        self.k = k
        self.selected_: Ints = np.empty(0, dtype=np.int64)

    def fit(self, matrix: Floats, labels: Ints) -> SelectKBest:
        """Rank the columns of `matrix` (rows, columns) by between-class variance."""
        member = (labels == np.arange(labels.max() + 1)[:, None]).astype(np.float64)
        sums = member @ matrix
        between = (sums * sums / np.maximum(member.sum(1, keepdims=True), 1)).sum(0) / len(labels)
        score = np.floor((between - matrix.mean(0) ** 2) * 2.0**36)
        self.selected_ = np.sort(np.argsort(-score, kind="stable")[: self.k])
        return self

    def transform(self, matrix: Floats) -> Floats:
        """The kept columns."""
        return matrix[:, self.selected_]


def count_tokens(text: Ints, tokenizer: str) -> Floats:
    """Word counts, (rows, known types + 1); the last column counts words that the tokenizer does not know.

    Args:
        text: (rows, tokens) word types.
        tokenizer: a name that ends in its version, for example ``ticket-bpe-v2``.
    """
    width = max(VOCABULARIES.values()) + 1
    known = VOCABULARIES[tokenizer.rsplit("-", 1)[1]]
    types = np.where(text < known, text, width - 1)
    cells = (np.arange(len(text)) * width)[:, None] + types
    return np.bincount(cells.ravel(), minlength=len(text) * width).reshape(len(text), width).astype(np.float64)


def hstack(blocks: Sequence[Floats]) -> Floats:
    """Blocks of columns side by side, rounded to the float32 grid."""
    return to_float32_grid(np.concatenate(blocks, axis=1))


class Metrics(NamedTuple):
    """Scores of one model on one set of rows."""

    accuracy: float
    loss: float
    """Mean cross-entropy, nats."""
    correct: int
    rows: int
    confusion: Ints
    """(true classes, predicted classes)."""


class Scorer(Protocol):
    """What `score` needs of a model."""

    def logits(self, features: Floats) -> Floats:
        """(outputs, rows)."""


def score(model: Scorer, features: Floats, labels: Ints) -> Metrics:
    """Accuracy, cross-entropy and confusion of a model. Ties go to the lowest class, on float32 logits."""
    with np.errstate(all="ignore"):
        logits = model.logits(features)
        predicted = logits.astype(np.float32).argmax(0)
        logits = logits - np.maximum.reduce(logits, 0)
        outputs = len(logits)
        own = logits[np.minimum(labels, outputs - 1), np.arange(len(labels))]
        loss = float(np.log(np.add.reduce(np.exp(logits), 0)).sum() - own.sum()) / max(1, len(labels))
    size = max(outputs, int(labels.max(initial=0)) + 1)
    confusion = np.bincount(labels * size + predicted, minlength=size * size).reshape(size, size)
    correct = int(np.count_nonzero(predicted == labels))
    return Metrics(correct / max(1, len(labels)), loss, correct, len(labels), confusion)


def f1_score(confusion: Ints, *, average: str) -> float:
    """F1 over the classes of a confusion matrix; ``macro`` weighs classes alike, ``weighted`` by their rows."""
    hits = np.diag(confusion).astype(np.float64)
    true, predicted = confusion.sum(1), confusion.sum(0)
    f1 = 2 * hits / np.maximum(true + predicted, 1)
    weights = np.ones(len(f1)) if average == "macro" else true / max(1, int(true.sum()))
    return float((f1 * weights).sum() / weights.sum())
