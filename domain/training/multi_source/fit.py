"""Trains the network: one hidden layer, softmax, weighted rows, momentum. Parameters are rounded to the float32 grid after each step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import isfinite

import numpy as np

from domain.training.multi_source.agreements import Facts
from domain.training.randomness import Floats, Ints, Stream

OUTPUT_SCALE = 0.3
"""Of the first weights of the outputs: runs that start near a uniform guess differ less by their seed."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """What the training loop logs after an epoch."""

    number: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    gradient_norm: float
    gradient_norm_max: float
    loss_of_thirds: tuple[float, float, float]
    """Mean loss of the first, second and last third of the epoch's batches; 0 where one has no batch."""


@dataclass(slots=True)
class Network:
    """Parameters, inputs with a column of ones first: (inputs + 1, hidden), (hidden + 1, outputs)."""

    hidden: Floats
    output: Floats

    def logits(self, features: Floats) -> Floats:
        """(outputs, rows)."""
        layer = np.maximum(features @ self.hidden[1:] + self.hidden[0], 0.0)
        found: Floats = self.output[1:].T @ layer.T + self.output[0][:, None]
        return found

    def predict(self, features: Floats) -> Ints:
        return answers(self.logits(features))

    def copy(self) -> Network:
        return Network(self.hidden.copy(), self.output.copy())


@dataclass(slots=True)
class Fit:
    """A finished training."""

    best: Network
    epochs: list[Epoch] = field(default_factory=list)
    best_epoch: int = 0
    steps_per_epoch: int = 0
    clipped_share: float = 0.0
    stopped_at: int | None = None
    """Step at which the loss was not finite; None: it never was."""


def answers(logits: Floats) -> Ints:
    """The class of the largest logit of each row, as float32: ties go to the first."""
    return np.asarray(logits.astype(np.float32).argmax(0), dtype=np.int64)


def log_loss(logits: Floats, labels: Ints) -> Floats:
    """Cross-entropy of each row."""
    shifted = logits - logits.max(0)
    own = shifted.ravel().take(labels * len(labels) + np.arange(len(labels)))
    loss: Floats = np.log(np.exp(shifted).sum(0)) - own
    return loss


def fit(
    declared: Facts,
    features: Floats,
    labels: Ints,
    weights: Floats,
    val_features: Floats,
    val_labels: Ints,
    *,
    classes: int,
    fill: float,
    order: Ints | None,
) -> Fit:
    """Train on features (rows, inputs), labels and weights (rows,).

    Args:
        fill: share of a batch's capacity that holds rows, the rest is padding.
        order: the rows in the order in which they arrive; None: they are shuffled anew for every epoch.
    """
    with np.errstate(all="ignore"):
        return _fit(declared, features, labels, weights, val_features, val_labels, classes, fill, order)


def _fit(
    declared: Facts,
    features: Floats,
    labels: Ints,
    weights: Floats,
    val_features: Floats,
    val_labels: Ints,
    classes: int,
    fill: float,
    order: Ints | None,
) -> Fit:
    seed = int(declared["training.seed"] or 0)
    units = int(declared["model.hidden_units"] or 0)
    rate, momentum = float(declared["optimizer.learning_rate"] or 0), float(declared["optimizer.momentum"] or 0)
    decay = float(declared["optimizer.weight_decay"] or 0)
    limit = declared["training.gradient_clip_norm"]
    inputs, count = features.shape[1], len(labels)
    draw = Stream(seed, "initial-weights")
    # One vector each, so that a step is taken by one operation for both layers; the layers are views of them.
    size, length = (inputs + 1) * units, (inputs + 1) * units + (units + 1) * classes
    value, speed, slope = np.zeros(length), np.zeros(length), np.zeros(length)
    network, slopes = (
        Network(one[:size].reshape(inputs + 1, units), one[size:].reshape(units + 1, classes)) for one in (value, slope)
    )
    network.hidden[1:] = draw.normal(inputs * units).reshape(inputs, units) * (2.0 / inputs) ** 0.5
    network.output[1:] = draw.normal(units * classes).reshape(units, classes) * OUTPUT_SCALE * (1.0 / units) ** 0.5
    into_layer, layer_bias = network.hidden[1:], network.hidden[0]
    from_layer, output_bias = network.output[1:].T, network.output[0][:, None]
    into_layer_slope, layer_bias_slope = slopes.hidden[1:], slopes.hidden[0]
    from_layer_slope, output_bias_slope = slopes.output[1:], slopes.output[0]
    batch = min(int(declared["training.batch_size"] or 1), count)
    steps = count // batch
    share = fill if declared["loss.divide_by"] == "capacity" else 1.0
    result = Fit(network.copy(), steps_per_epoch=steps)
    used = steps * batch
    # What a step writes is kept, so that no step allocates; what does not need the step before it is computed for all steps of an epoch.
    rows, answered = np.empty((used, inputs)), np.empty((steps, classes, batch), dtype=np.float32)
    own, total = np.empty((steps, batch)), np.empty((steps, batch))
    layer, logits, back = np.empty((batch, units)), np.empty((classes, batch)), np.empty((batch, units))
    layer_rows, logit_rows, flat_logits, peak = layer.T, logits.T, logits.ravel(), np.empty(batch)
    # Counting adds row by row, as a sum over the rows does, and takes half of the time.
    flat_back, unit_of_cell, bincount = back.ravel(), np.tile(np.arange(units), batch), np.bincount
    place_in_batch, every_class = np.arange(batch), np.arange(classes)[:, None]
    is_active = np.empty((batch, units), dtype=bool)
    change, decayed, rounded = np.empty(length), np.empty(length), np.empty(length, dtype=np.float32)
    hidden_change, output_change = change[:size], change[size:]
    add, largest, multiply, dot = np.add.reduce, np.maximum.reduce, np.multiply, np.dot
    clipped, trained, kept = 0, list[Callable[..., Epoch]](), list[Network]()
    for number in range(1, int(declared["training.epochs"] or 0) + 1):
        places = (Stream(seed, f"epoch/{number}").permutation(count) if order is None else order)[:used]
        np.take(features, places, axis=0, out=rows, mode="clip")
        codes, mass = labels[places].reshape(steps, batch), weights[places].reshape(steps, batch)
        targets = (codes[:, None] == every_class).astype(np.float64)
        scale = share / add(mass, 1)
        batches = zip(
            rows.reshape(steps, batch, inputs),
            targets,
            codes * batch + place_in_batch,
            mass * scale[:, None],
            answered,
            own,
            total,
            strict=True,
        )
        norms = []
        for x, target, cell, factor, answer, own_logit, odds in batches:
            dot(x, into_layer, out=layer)
            layer += layer_bias
            np.maximum(layer, 0.0, out=layer)
            dot(from_layer, layer_rows, out=logits)
            logits += output_bias
            answer[:] = logits
            largest(logits, 0, out=peak)
            logits -= peak
            flat_logits.take(cell, out=own_logit, mode="clip")
            np.exp(logits, out=logits)
            add(logits, 0, out=odds)
            logits /= odds
            logits -= target
            logits *= factor
            dot(layer_rows, logit_rows, out=from_layer_slope)
            add(logits, 1, out=output_bias_slope)
            dot(logit_rows, from_layer, out=back)
            np.greater(layer, 0.0, out=is_active)
            multiply(back, is_active, out=back)
            dot(x.T, back, out=into_layer_slope)
            layer_bias_slope[:] = bincount(unit_of_cell, flat_back, units)
            multiply(slope, slope, out=change)
            norm = float(add(hidden_change) + add(output_change)) ** 0.5
            norms.append(norm)
            # The loss is finite where the gradient is: weights are, by the float32 grid, and so are the logits in float64.
            if not isfinite(norm):
                result.stopped_at = (number - 1) * steps + len(norms)
                break
            if limit is not None and norm > float(limit):
                slope *= float(limit) / norm
                clipped += 1
            multiply(value, decay, out=decayed)
            np.add(slope, decayed, out=change)
            speed *= momentum
            speed += change
            multiply(speed, rate, out=change)
            value -= change
            rounded[:] = value
            value[:] = rounded
        done = len(norms)
        seen = done * batch
        losses = (add((np.log(total[:done]) - own[:done]) * mass[:done], 1) * scale[:done]).tolist()
        right = int(np.count_nonzero(answered[:done].argmax(1) == codes[:done]))
        kept.append(network.copy())
        third = max(1, done // 3)
        trained.append(
            partial(
                Epoch,
                number=number,
                train_loss=sum(losses) / done,
                train_accuracy=right / seen,
                gradient_norm=sum(norms) / done,
                gradient_norm_max=max(norms),
                loss_of_thirds=(
                    sum(losses[:third]) / third,
                    sum(losses[third : 2 * third]) / max(1, len(losses[third : 2 * third])),
                    sum(losses[2 * third :]) / max(1, len(losses[2 * third :])),
                ),
            )
        )
        if result.stopped_at is not None:
            break
    best = -1.0
    for epoch, own_network, (val_loss, accuracy) in zip(
        trained, kept, _validated(kept, val_features, val_labels), strict=True
    ):
        result.epochs.append(epoch(val_loss=val_loss, val_accuracy=accuracy))
        if accuracy > best and val_loss == val_loss:
            best, result.best, result.best_epoch = accuracy, own_network, len(result.epochs)
    result.clipped_share = clipped / max(1, steps * len(result.epochs))
    return result


def _validated(networks: list[Network], features: Floats, labels: Ints) -> list[tuple[float, float]]:
    """Loss and accuracy of each network; all at once, since an operation on few rows takes as long as one on many."""
    count = len(labels)
    if not count:
        return [(0.0, 0.0)] * len(networks)
    logits = np.concatenate([network.logits(features) for network in networks], axis=1)
    every = np.tile(labels, len(networks))
    losses = log_loss(logits, every).reshape(-1, count).mean(1)
    right = np.count_nonzero((answers(logits) == every).reshape(-1, count), axis=1) / count
    return list(zip(losses.tolist(), right.tolist(), strict=True))


def batch_entropy(codes: Ints, declared: Facts, classes: int) -> float:
    """Mean label entropy of the batches of rows in an order, over what random batches of that size would have; 1: well mixed."""
    batch = min(int(declared["training.batch_size"] or 1), len(codes))
    steps = len(codes) // batch
    member = np.zeros((steps, classes))
    np.add.at(member, (np.repeat(np.arange(steps), batch), codes[: steps * batch]), 1.0 / batch)
    whole = np.bincount(codes, minlength=classes) / len(codes)

    def entropy(shares: Floats) -> Floats:
        found: Floats = -(shares * np.log(np.maximum(shares, 1e-12))).sum(-1)
        return found

    # A sample of b rows shows less entropy than its source, by (classes - 1) / 2b to first order (Miller 1955).
    expected = float(entropy(whole)) - (classes - 1) / (2 * batch)
    return float(entropy(member).mean()) / expected if expected > 0.1 else 1.0
