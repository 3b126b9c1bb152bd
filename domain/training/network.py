"""The multi-layer perceptron: trains really, in NumPy, and keeps what a training log would."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from domain.training.pipeline import Model, Optimizer, Pipeline
from domain.training.randomness import Floats, Ints, Stream
from domain.training.tabular import score


class Weights(NamedTuple):
    """Parameters of the network, or their gradients."""

    hidden: Floats
    """(inputs, hidden units)."""
    hidden_bias: Floats
    output: Floats
    """(hidden units, outputs)."""
    output_bias: Floats

    def copied(self) -> Weights:
        return Weights(*(part.copy() for part in self))


@dataclass(slots=True)
class Network:
    """A trained network that can be scored. `train()` leaves dropout on, `eval()` turns it off."""

    model: Model
    weights: Weights
    seed: int
    _dropout: Stream | None = None

    def eval(self) -> Network:
        self._dropout = None
        return self

    def train(self) -> Network:
        self._dropout = Stream(self.seed, "evaluation-dropout")
        return self

    def logits(self, features: Floats) -> Floats:
        """(outputs, rows): what the loss takes as logits."""
        hidden = activate(self.model.activation, features @ self.weights.hidden + self.weights.hidden_bias)
        if self._dropout is not None and self.model.dropout:
            kept = self._dropout.uniform(hidden.size).reshape(hidden.shape) >= self.model.dropout
            hidden = hidden * kept / (1 - self.model.dropout)
        logits: Floats = self.weights.output.T @ hidden.T + self.weights.output_bias[:, None]
        if self.model.output_activation == "softmax":
            logits = np.exp(logits - np.maximum.reduce(logits, 0))
            logits /= np.add.reduce(logits, 0)
        return logits


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
    """Mean label entropy of the first epoch's batches over that of all rows; 1: well mixed."""
    checkpoints: dict[str, Weights] = field(default_factory=dict)
    """``best``, ``first``, ``last``."""


def activate(name: str, values: Floats) -> Floats:
    """The hidden layer's activation."""
    if name == "relu":
        return np.maximum(values, 0.0)
    if name == "tanh":
        return np.tanh(values)
    if name == "sigmoid":
        return 1.0 / (1.0 + np.exp(-values))
    return values


def slope(name: str, activated: Floats) -> Floats:
    """Derivative of the activation, from its output."""
    if name == "relu":
        return (activated > 0).astype(np.float64)
    if name == "tanh":
        return 1.0 - activated * activated
    if name == "sigmoid":
        return activated * (1.0 - activated)
    return np.ones_like(activated)


class _Flat:
    """One flat vector with named views, so that an optimizer line is one operation."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        ends = np.cumsum([inputs * hidden, hidden, hidden * outputs, outputs])
        self.vector: Floats = np.zeros(ends[-1])
        first, second, third, _ = (int(end) for end in ends)
        self.view = Weights(
            self.vector[:first].reshape(inputs, hidden),
            self.vector[first:second],
            self.vector[second:third].reshape(hidden, outputs),
            self.vector[third:],
        )


def _start(model: Model, inputs: int, seed: int) -> _Flat:
    flat = _Flat(inputs, model.hidden_units, model.num_classes)
    if model.init == "constant":
        flat.view.hidden[:] = 0.01 * model.init_gain
        flat.view.output[:] = 0.01 * model.init_gain
        return flat
    draw = Stream(seed, "initial-weights")
    numerator = 2.0 if model.init == "he" else 1.0
    hidden, output = flat.view.hidden, flat.view.output
    hidden[:] = draw.normal(hidden.size).reshape(hidden.shape) * (numerator / inputs) ** 0.5 * model.init_gain
    output[:] = draw.normal(output.size).reshape(output.shape) * (1.0 / model.hidden_units) ** 0.5 * model.init_gain
    return flat


class _Update:
    """The optimizer's state and its one step. Parameters are rounded to the float32 grid after each step."""

    def __init__(self, optimizer: Optimizer, size: int) -> None:
        self.settings = optimizer
        self.velocity, self.square, self.scratch = np.zeros(size), np.zeros(size), np.empty(size)
        self.rounded = np.empty(size, np.float32)
        self.steps = 0

    def step(self, parameters: Floats, gradient: Floats) -> None:
        self.steps += 1
        if self.settings.name == "sgd":
            self._sgd(parameters, gradient)
        else:
            self._adam(parameters, gradient)
        self.rounded[:] = parameters
        parameters[:] = self.rounded

    def _sgd(self, parameters: Floats, gradient: Floats) -> None:
        if self.settings.weight_decay:
            np.multiply(parameters, self.settings.weight_decay, out=self.scratch)
            gradient += self.scratch
        self.velocity *= self.settings.momentum
        self.velocity += gradient
        np.multiply(self.velocity, self.settings.learning_rate, out=self.scratch)
        parameters -= self.scratch

    def _adam(self, parameters: Floats, gradient: Floats) -> None:
        rate, decay = self.settings.learning_rate, self.settings.weight_decay
        if decay and self.settings.name == "adam":
            gradient += decay * parameters
        self.velocity += 0.1 * (gradient - self.velocity)
        self.square += 0.001 * (gradient * gradient - self.square)
        np.multiply(self.square, 1.0 / (1.0 - 0.999**self.steps), out=self.scratch)
        np.sqrt(self.scratch, out=self.scratch)
        self.scratch += 1e-8
        np.divide(self.velocity, self.scratch, out=self.scratch)
        self.scratch *= rate / (1.0 - 0.9**self.steps)
        if decay and self.settings.name == "adamw":
            parameters *= 1.0 - rate * decay
        parameters -= self.scratch


class _Gradient:
    """Forward and backward pass of one batch; logits are (outputs, rows), since reductions over a long axis are fast."""

    def __init__(self, model: Model, parameters: Weights, gradients: Weights) -> None:
        self.model, self.parameters, self.gradients = model, parameters, gradients
        self.is_relu = model.activation == "relu"
        self.is_double = model.output_activation == "softmax"

    def __call__(self, rows: Floats, target: Floats, codes: Ints, mask: Floats | None) -> tuple[float, int]:
        """Mean loss and number of right answers of the batch; leaves the gradients in place.

        Args:
            rows: (batch, inputs).
            target: (outputs, batch), one-hot.
            codes: (batch,) classes.
            mask: (batch, hidden), dropout factors; None: no dropout.
        """
        weights, out = self.parameters, self.gradients
        inverse = 1.0 / len(rows)
        hidden = rows @ weights.hidden
        hidden += weights.hidden_bias
        hidden = np.maximum(hidden, 0.0, out=hidden) if self.is_relu else activate(self.model.activation, hidden)
        kept = hidden if mask is None else hidden * mask
        logits = weights.output.T @ kept.T
        logits += weights.output_bias[:, None]
        right = int(np.count_nonzero(logits.astype(np.float32).argmax(0) == codes))
        logits -= np.maximum.reduce(logits, 0)
        squashed = None
        if self.is_double:
            np.exp(logits, out=logits)
            logits /= np.add.reduce(logits, 0)
            squashed = logits.copy()
        own = float(np.add.reduce(np.add.reduce(logits * target, 0)))
        np.exp(logits, out=logits)
        total = np.add.reduce(logits, 0)
        loss = (float(np.add.reduce(np.log(total))) - own) * inverse
        logits /= total
        logits -= target
        logits *= inverse
        if squashed is not None:
            logits -= np.add.reduce(logits * squashed, 0)
            logits *= squashed
        np.matmul(kept.T, logits.T, out=out.output)
        back = logits.T @ weights.output.T
        back *= (hidden > 0) if self.is_relu else slope(self.model.activation, hidden)
        if mask is not None:
            back *= mask
        np.matmul(rows.T, back, out=out.hidden)
        if self.model.bias:
            np.add.reduce(logits, 1, out=out.output_bias)
            np.add.reduce(back, 0, out=out.hidden_bias)
        return loss, right


class Batches(NamedTuple):
    """One epoch's rows in the order they are trained on."""

    rows: Floats
    codes: Ints
    target: Floats
    masks: Floats | None


class _Feeder:
    """Hands out an epoch at a time: shuffles, one-hot targets, dropout masks."""

    def __init__(self, pipeline: Pipeline, features: Floats, labels: Ints) -> None:
        outputs = pipeline.model.num_classes
        self.pipeline, self.features = pipeline, features
        self.codes = np.minimum(labels, outputs - 1)  # a class without an output falls into the last one
        self.one_hot = np.zeros((len(labels), outputs))
        self.one_hot[np.arange(len(labels)), self.codes] = 1.0
        self.batch = min(pipeline.training.batch_size, len(labels))
        self.steps = max(1, len(labels) // self.batch)
        self.shuffle = Stream(pipeline.training.seed, "batches")
        self.dropout = Stream(pipeline.training.seed, "dropout")

    def epoch(self) -> Batches:
        used = self.steps * self.batch
        order = np.arange(used)
        if self.pipeline.training.shuffle:
            order = self.shuffle.permutation(len(self.codes))[:used]
        masks: Floats | None = None
        rate = self.pipeline.model.dropout
        if rate:
            shape = (used, self.pipeline.model.hidden_units)
            kept = self.dropout.uniform(used * shape[1]).reshape(shape) >= rate
            masks = kept.astype(np.float64) * (1.0 / (1.0 - rate))
        target = np.ascontiguousarray(self.one_hot[order].T)
        return Batches(self.features[order], self.codes[order], target, masks)

    def slices(self) -> Iterator[slice]:
        return (slice(step * self.batch, (step + 1) * self.batch) for step in range(self.steps))


def fit(pipeline: Pipeline, features: Floats, labels: Ints, val_features: Floats, val_labels: Ints) -> Fit:
    """Train on features (rows, columns) and labels (rows,), watching the validation rows after each epoch."""
    settings, feeder = pipeline.training, _Feeder(pipeline, features, labels)
    flat = _start(pipeline.model, features.shape[1], settings.seed)
    slopes = _Flat(features.shape[1], pipeline.model.hidden_units, pipeline.model.num_classes)
    gradient_of = _Gradient(pipeline.model, flat.view, slopes.view)
    update = _Update(pipeline.optimizer, len(flat.vector))
    network = Network(pipeline.model, flat.view, settings.seed)
    result = Fit(steps_per_epoch=feeder.steps)
    best, stale, clipped = -1.0, 0, 0
    with np.errstate(all="ignore"):
        for number in range(1, settings.epochs + 1):
            epoch = feeder.epoch()
            if number == 1:
                result.batch_entropy = _batch_entropy(epoch.codes, feeder)
            losses: list[float] = []
            norms: list[float] = []
            right = 0
            for part in feeder.slices():
                mask = None if epoch.masks is None else epoch.masks[part]
                loss, hits = gradient_of(epoch.rows[part], epoch.target[:, part], epoch.codes[part], mask)
                norm = float(slopes.vector.dot(slopes.vector)) ** 0.5
                if update.steps == 0 and not norms:
                    result.first_gradients = (_norm(slopes.view.hidden), _norm(slopes.view.output))
                losses.append(loss)
                norms.append(norm)
                right += hits
                if not (np.isfinite(loss) and np.isfinite(norm)):
                    result.non_finite_step = update.steps + 1
                    break
                if settings.gradient_clip_norm is not None and norm > settings.gradient_clip_norm:
                    slopes.vector *= settings.gradient_clip_norm / norm
                    clipped += 1
                update.step(flat.vector, slopes.vector)
            watched = score(network, val_features, val_labels)
            done = len(losses)
            result.history.append(
                Epoch(
                    number,
                    sum(losses) / done,
                    right / (done * feeder.batch),
                    watched.loss,
                    watched.accuracy,
                    sum(norms) / done,
                    max(norms),
                )
            )
            if number == 1:
                result.checkpoints["first"] = flat.view.copied()
            if watched.accuracy > best and watched.loss == watched.loss:
                best, stale, result.best_epoch = watched.accuracy, 0, number
                result.checkpoints["best"] = flat.view.copied()
            else:
                stale += 1
            if result.non_finite_step is not None:
                break
            if settings.early_stopping_patience is not None and stale >= settings.early_stopping_patience:
                break
        result.dead_unit_share = _dead_share(pipeline.model, flat.view, features)
    result.checkpoints["last"] = flat.view.copied()
    result.checkpoints.setdefault("best", result.checkpoints["last"])
    result.clipped_share = clipped / max(1, update.steps)
    return result


def _norm(values: Floats) -> float:
    return float(np.sqrt((values * values).sum()))


def _dead_share(model: Model, weights: Weights, features: Floats) -> float:
    """Share of hidden units that no longer react: always zero (relu) or always saturated (sigmoid, tanh)."""
    hidden = activate(model.activation, features @ weights.hidden + weights.hidden_bias)
    if model.activation == "relu":
        return float((np.maximum.reduce(np.abs(hidden), 0) < 1e-12).mean())
    if model.activation in ("sigmoid", "tanh"):
        return float((slope(model.activation, hidden).mean(0) < 1e-2).mean())
    return 0.0


def _batch_entropy(codes: Ints, feeder: _Feeder) -> float:
    outputs = feeder.one_hot.shape[1]

    def entropy(part: Ints) -> float:
        shares = np.bincount(part, minlength=outputs) / len(part)
        shares = shares[shares > 0]
        return float(-(shares * np.log(shares)).sum())

    whole = entropy(feeder.codes)
    if whole == 0.0:
        return 0.0
    return sum(entropy(codes[part]) for part in feeder.slices()) / feeder.steps / whole
