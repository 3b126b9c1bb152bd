"""The multi-layer perceptron: its parameters, its output, its activation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from domain.training.pipeline import Model
from domain.training.randomness import Floats, Stream


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


class FlatParameters:
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


def start(model: Model, inputs: int, seed: int) -> FlatParameters:
    """Initial parameters."""
    flat = FlatParameters(inputs, model.hidden_units, model.num_classes)
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
