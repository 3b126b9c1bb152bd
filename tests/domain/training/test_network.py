from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domain.training import fitting, network
from domain.training.optimization import Gradient
from domain.training.pipeline import Pipeline, draw_pipeline

RNG = np.random.default_rng(0)
FEATURES, LABELS = RNG.normal(size=(60, 5)), RNG.integers(0, 3, 60)


def _pipeline(**model: object) -> Pipeline:
    drawn = draw_pipeline(1)
    return replace(drawn, model=replace(drawn.model, num_classes=3, hidden_units=7, dropout=0.0, **model))


@pytest.mark.parametrize("output_activation", ["logits", "softmax"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "linear"])
def test_the_gradient_is_the_derivative_of_the_loss(activation: str, output_activation: str) -> None:
    pipeline = _pipeline(activation=activation, output_activation=output_activation, bias=True)
    flat = network.start(pipeline.model, 5, 3)
    slopes = network.FlatParameters(5, 7, 3)
    gradient_of = Gradient(pipeline.model, flat.view, slopes.view)
    target = np.ascontiguousarray(np.eye(3)[LABELS].T)
    gradient_of(FEATURES, target, LABELS, None)
    found = slopes.vector.copy()
    for place in (0, 11, 36, 44, len(flat.vector) - 1):
        flat.vector[place] += 1e-6
        above, _ = gradient_of(FEATURES, target, LABELS, None)
        flat.vector[place] -= 2e-6
        below, _ = gradient_of(FEATURES, target, LABELS, None)
        flat.vector[place] += 1e-6
        assert found[place] == pytest.approx((above - below) / 2e-6, abs=1e-6)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_every_optimizer_learns(name: str) -> None:
    pipeline = _pipeline()
    pipeline = pipeline.with_value("optimizer.name", name).with_value(
        "optimizer.learning_rate", 0.1 if name == "sgd" else 0.02
    )
    labels = (FEATURES[:, 0] > 0).astype(np.int64)
    fit = fitting.fit(pipeline, FEATURES, labels, FEATURES, labels)
    assert fit.history[-1].train_loss < fit.history[0].train_loss


def test_constant_weights_leave_all_hidden_units_alike() -> None:
    fit = fitting.fit(_pipeline(init="constant"), FEATURES, LABELS, FEATURES, LABELS)
    hidden = fit.checkpoints["last"].hidden
    assert np.abs(hidden - hidden[:, :1]).max() == 0.0


def test_a_clipped_gradient_is_counted_and_logged_unclipped() -> None:
    pipeline = _pipeline().with_value("training.gradient_clip_norm", 0.001)
    fit = fitting.fit(pipeline, FEATURES, LABELS, FEATURES, LABELS)
    assert fit.clipped_share == 1.0
    assert fit.history[0].gradient_norm > 0.001


def test_training_stops_when_patience_runs_out() -> None:
    pipeline = _pipeline().with_value("optimizer.learning_rate", 1e-6)
    pipeline = pipeline.with_value("training.early_stopping_patience", 1)
    assert len(fitting.fit(pipeline, FEATURES, LABELS, FEATURES, LABELS).history) == 2


def test_a_loss_that_is_not_finite_ends_training() -> None:
    pipeline = _pipeline().with_value("optimizer.learning_rate", 1000.0)
    fit = fitting.fit(pipeline, FEATURES * 1e200, LABELS, FEATURES, LABELS)
    assert fit.non_finite_step is not None
    assert len(fit.history) < pipeline.training.epochs


def test_parameters_lie_on_the_float32_grid() -> None:
    weights = fitting.fit(_pipeline(), FEATURES, LABELS, FEATURES, LABELS).checkpoints["last"]
    assert np.array_equal(weights.hidden, weights.hidden.astype(np.float32).astype(np.float64))


def test_dropout_during_evaluation_changes_the_logits() -> None:
    pipeline = replace(_pipeline(), model=replace(_pipeline().model, dropout=0.5))
    fit = fitting.fit(pipeline, FEATURES, LABELS, FEATURES, LABELS)
    trained = network.Network(pipeline.model, fit.checkpoints["best"], 1)
    quiet = trained.eval().logits(FEATURES)
    assert np.array_equal(quiet, trained.eval().logits(FEATURES))
    assert not np.array_equal(quiet, trained.train().logits(FEATURES))
