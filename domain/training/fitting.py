"""Trains the network and records what a training log shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.training.network import FlatParameters, Network, Weights, activate, slope, start
from domain.training.optimization import Gradient, Update
from domain.training.pipeline import Model, Pipeline
from domain.training.randomness import Floats, Ints, Stream
from domain.training.tabular import score

_ROUNDING = 1e-12
"""A part of a gradient below this share of the whole is the rounding of sums that cancel out."""


class Epoch(NamedTuple):
    """One line of the training log."""

    number: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    gradient_norm: float
    """Mean over the steps of the epoch, before clipping."""
    gradient_norm_max: float


@dataclass(slots=True, kw_only=True)
class Fit:
    """What training left behind."""

    history: list[Epoch] = field(default_factory=list)
    steps_per_epoch: int = 0
    non_finite_step: int | None = None
    best_epoch: int = 0
    """0: no epoch had a finite validation loss."""
    first_gradients: tuple[float, float] = (0.0, 0.0)
    """Norms of the first step's gradients, hidden layer and output layer."""
    dead_unit_share: float = 0.0
    clipped_share: float = 0.0
    """Share of the steps whose gradient was clipped."""
    batch_entropy: float = 0.0
    """Mean label entropy of the first epoch's batches over that of random ones; 1: well mixed."""
    checkpoints: dict[str, Weights] = field(default_factory=dict)
    """``best``, ``first``, ``last``."""


class Batches(NamedTuple):
    """One epoch's rows in the order they are trained on."""

    rows: Floats
    codes: Ints
    """What counts as right."""
    target: Floats
    masks: Floats | None


class _BatchSource:
    """Hands out an epoch at a time: shuffles, one-hot targets, dropout masks."""

    def __init__(self, pipeline: Pipeline, features: Floats, labels: Ints) -> None:
        outputs = pipeline.model.num_classes
        self.pipeline, self.features = pipeline, features
        taught = np.minimum(labels, outputs - 1)  # a class without an output is trained as the last one
        self.codes = labels if pipeline.dataset.rules >= 5 else taught
        self.one_hot = np.zeros((outputs, len(labels)))
        self.one_hot[taught, np.arange(len(labels))] = 1.0
        self.batch = min(pipeline.training.batch_size, len(labels))
        self.steps = max(1, len(labels) // self.batch)
        used = self.steps * self.batch
        self.rows, self.order_codes = features[:used].copy(), self.codes[:used].copy()
        self.target = self.one_hot[:, :used].copy(order="C")
        self.masks = np.empty((used, pipeline.model.hidden_units))
        self.shuffle = Stream(pipeline.training.seed, "batches")
        self.dropout = Stream(pipeline.training.seed, "dropout")

    def epoch(self) -> Batches:
        """The rows of the next epoch; they stand in the same memory as the last one's."""
        if self.pipeline.training.shuffle:
            order = self.shuffle.permutation(len(self.codes))[: self.steps * self.batch]
            np.take(self.features, order, axis=0, out=self.rows, mode="clip")
            np.take(self.one_hot, order, axis=1, out=self.target, mode="clip")
            np.take(self.codes, order, out=self.order_codes, mode="clip")
        rate = self.pipeline.model.dropout
        if rate:
            np.multiply(self._kept(rate), 1.0 / (1.0 - rate), out=self.masks)
        return Batches(self.rows, self.order_codes, self.target, self.masks if rate else None)

    def _kept(self, rate: float) -> NDArray[np.bool_]:
        """(rows, hidden units): true where dropout keeps a unit."""
        if self.pipeline.dataset.rules >= 5:
            return self.dropout.at_least(rate, self.masks.size).reshape(self.masks.shape)
        return self.dropout.uniform(self.masks.size).reshape(self.masks.shape) >= rate

    def slices(self) -> Iterator[slice]:
        return (slice(step * self.batch, (step + 1) * self.batch) for step in range(self.steps))


def fit(pipeline: Pipeline, features: Floats, labels: Ints, val_features: Floats, val_labels: Ints) -> Fit:
    """Train on features (rows, columns) and labels (rows,), watching the validation rows after each epoch."""
    training = _Training(pipeline, _BatchSource(pipeline, features, labels), features.shape[1])
    with np.errstate(all="ignore"):
        for number in range(1, pipeline.training.epochs + 1):
            training.run_epoch(number)
            training.watch(number, val_features, val_labels)
            if training.is_over():
                break
        training.result.dead_unit_share = _dead_share(pipeline.model, training.weights, features)
    return training.finished()


class _EpochTotals:
    """What one epoch adds up."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.norms: list[float] = []
        self.right = 0


class _Training:
    """One training in progress."""

    def __init__(self, pipeline: Pipeline, feeder: _BatchSource, inputs: int) -> None:
        model = pipeline.model
        self.settings, self.feeder = pipeline.training, feeder
        self.flat = start(model, inputs, pipeline.training.seed)
        self.slopes = FlatParameters(inputs, model.hidden_units, model.num_classes)
        self.gradient_of = Gradient(model, self.flat.view, self.slopes.view)
        self.update = Update(pipeline.optimizer, len(self.flat.vector))
        self.network = Network(model, self.flat.view, pipeline.training.seed)
        self.result = Fit(steps_per_epoch=feeder.steps)
        self.sums = _EpochTotals()
        self.best_accuracy, self.stale_epochs, self.clipped_steps = -1.0, 0, 0

    @property
    def weights(self) -> Weights:
        return self.flat.view

    def run_epoch(self, number: int) -> None:
        """Every step of one epoch, or up to the first that is not finite."""
        epoch, self.sums = self.feeder.epoch(), _EpochTotals()
        if number == 1:
            self.result.batch_entropy = _batch_entropy(epoch.codes, self.feeder)
        for part in self.feeder.slices():
            mask = None if epoch.masks is None else epoch.masks[part]
            loss, hits = self.gradient_of(epoch.rows[part], epoch.target[:, part], epoch.codes[part], mask)
            norm = float(self.slopes.vector.dot(self.slopes.vector)) ** 0.5
            if number == 1 and not self.sums.norms:
                hidden, output = self.slopes.view.hidden, self.slopes.view.output
                self.result.first_gradients = _beyond_rounding(hidden, norm), _beyond_rounding(output, norm)
            self.sums.losses.append(loss)
            self.sums.norms.append(norm)
            self.sums.right += hits
            if not (isfinite(loss) and isfinite(norm)):
                self.result.non_finite_step = self.update.steps + 1
                return
            self._step(norm)

    def _step(self, norm: float) -> None:
        limit = self.settings.gradient_clip_norm
        if limit is not None and norm > limit:
            self.slopes.vector *= limit / norm
            self.clipped_steps += 1
        self.update.step(self.flat.vector, self.slopes.vector)

    def watch(self, number: int, features: Floats, labels: Ints) -> None:
        """Log the epoch and keep its parameters where they are the best so far."""
        watched, sums = score(self.network, features, labels), self.sums
        done = len(sums.losses)
        self.result.history.append(
            Epoch(
                number,
                sum(sums.losses) / done,
                sums.right / (done * self.feeder.batch),
                watched.loss,
                watched.accuracy,
                sum(sums.norms) / done,
                max(sums.norms),
            )
        )
        if number == 1:
            self.result.checkpoints["first"] = self.weights.copied()
        if watched.accuracy > self.best_accuracy and watched.loss == watched.loss:
            self.best_accuracy, self.stale_epochs, self.result.best_epoch = watched.accuracy, 0, number
            self.result.checkpoints["best"] = self.weights.copied()
        else:
            self.stale_epochs += 1

    def is_over(self) -> bool:
        """Whether the loss is lost, or patience is."""
        patience = self.settings.early_stopping_patience
        return self.result.non_finite_step is not None or (patience is not None and self.stale_epochs >= patience)

    def finished(self) -> Fit:
        self.result.checkpoints["last"] = self.weights.copied()
        self.result.checkpoints.setdefault("best", self.result.checkpoints["last"])
        self.result.clipped_share = self.clipped_steps / max(1, self.update.steps)
        return self.result


def _beyond_rounding(part: Floats, whole: float) -> float:
    """Norm of a part of a gradient; 0 where it is only what rounding left of nothing, which differs between processors."""
    norm = float(np.sqrt((part * part).sum()))
    return 0.0 if norm < _ROUNDING * whole else norm


def _dead_share(model: Model, weights: Weights, features: Floats) -> float:
    """Share of hidden units that no longer react: always zero (relu) or always saturated (sigmoid, tanh)."""
    hidden = activate(model.activation, features @ weights.hidden + weights.hidden_bias)
    if model.activation == "relu":
        return float((np.maximum.reduce(np.abs(hidden), 0) < 1e-12).mean())
    if model.activation in ("sigmoid", "tanh"):
        return float((slope(model.activation, hidden).mean(0) < 1e-2).mean())
    return 0.0


def _batch_entropy(codes: Ints, feeder: _BatchSource) -> float:
    """Mean label entropy of the batches over what random batches of that size would have; 1: well mixed."""
    outputs = max(len(feeder.one_hot), 1 + int(feeder.codes.max()))

    def entropy(part: Ints) -> float:
        shares = np.bincount(part, minlength=outputs) / len(part)
        shares = shares[shares > 0]
        return float(-(shares * np.log(shares)).sum())

    # A sample of b rows shows less entropy than its source, by (classes - 1) / 2b to first order (Miller 1955).
    expected = entropy(feeder.codes) - (outputs - 1) / (2 * feeder.batch)
    found = sum(entropy(codes[part]) for part in feeder.slices()) / feeder.steps
    return found / expected if expected > 0.1 else 1.0
