"""Gradient of one batch and one step of the optimizer, in NumPy."""

from __future__ import annotations

import numpy as np

from domain.training.network import Weights, activate, slope
from domain.training.pipeline import Model, Optimizer
from domain.training.randomness import Floats, Ints


class Update:
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


class Gradient:
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
