"""Rules about config.yaml's model."""

from __future__ import annotations

from functools import partial
from typing import Iterator

from mlops_debug_env.agents.evidence import Evidence
from mlops_debug_env.agents.hypothesis import Clue, Hypothesis, Rule

_hypothesis = partial(Hypothesis, category="architecture_bug", file="config.yaml")


def dropout_too_high(seen: Evidence) -> Iterator[Hypothesis]:
    dropout = seen.config_number("model.dropout")
    if dropout is not None:
        yield _hypothesis(
            field="model.dropout",
            value=0.1,
            fix=f"Lower model.dropout from {dropout:g} to 0.1.",
            clues=(
                Clue(dropout > 0.6, 4.0, f"a dropout of {dropout:g} hardly leaves a network", 4.0),
                Clue(seen.is_unusual("loss_trajectory", "last_over_chance"), 1.0, "the loss stays high"),
                Clue(
                    seen.is_unusual("metric_gap_analysis", "train_minus_val"), 1.0, "training accuracy is the lower one"
                ),
            ),
        )


def bottleneck(seen: Evidence) -> Iterator[Hypothesis]:
    units = seen.config_number("model.hidden_units")
    if units is not None:
        yield _hypothesis(
            field="model.hidden_units",
            value=16,
            fix=f"Raise model.hidden_units from {units:g} to 16.",
            clues=(
                Clue(units < 6, 4.0, f"{units:g} hidden units are too few", 4.0),
                Clue(seen.is_unusual("loss_trajectory", "last_over_chance"), 1.0, "the loss stays high"),
                Clue(seen.is_unusual("class_balance", "classes_never_predicted"), 1.0, "a class is never predicted"),
            ),
        )


def output_units(seen: Evidence) -> Iterator[Hypothesis]:
    outputs, classes = seen.config_number("model.num_classes"), seen.stats("classes")
    if outputs is not None and isinstance(classes, list):
        yield _hypothesis(
            field="model.num_classes",
            value=len(classes),
            fix=f"Set model.num_classes to {len(classes)}.",
            clues=(
                Clue(outputs != len(classes), 5.0, f"there are {len(classes)} classes, not {outputs:g}", 5.0),
                Clue(seen.is_unusual("class_balance", "classes_never_predicted"), 1.0, "a class is never predicted"),
            ),
        )


def constant_weights(seen: Evidence) -> Iterator[Hypothesis]:
    init = seen.config("model.init")
    if isinstance(init, str):
        yield _hypothesis(
            field="model.init",
            value="he",
            fix="Set model.init to he.",
            clues=(
                Clue(init not in ("he", "xavier"), 4.0, f"with init {init} all hidden units stay alike", 4.0),
                Clue(
                    seen.is_unusual("gradient_norms", "hidden_over_output_layer"),
                    1.5,
                    "the first layer has no gradient",
                ),
            ),
        )


def large_weights(seen: Evidence) -> Iterator[Hypothesis]:
    gain = seen.config_number("model.init_gain")
    if gain is not None:
        yield _hypothesis(
            field="model.init_gain",
            value=1,
            fix=f"Set model.init_gain from {gain:g} to 1.",
            clues=(
                Clue(not 0.25 <= gain <= 4, 4.0, f"an init gain of {gain:g} saturates the units", 4.0),
                Clue(seen.is_unusual("loss_trajectory", "largest_over_chance"), 1.0, "the first loss is high"),
            ),
        )


def softmax_twice(seen: Evidence) -> Iterator[Hypothesis]:
    output = seen.config("model.output_activation")
    if isinstance(output, str):
        yield _hypothesis(
            field="model.output_activation",
            value="logits",
            fix="Set model.output_activation to logits.",
            clues=(
                Clue(output != "logits", 4.0, f"the loss takes logits, and gets {output}", 4.0),
                Clue(seen.is_unusual("loss_trajectory", "last_over_chance"), 1.0, "the loss cannot fall further"),
            ),
        )


def activation(seen: Evidence) -> Iterator[Hypothesis]:
    name = seen.config("model.activation")
    if name in ("linear", "sigmoid"):
        yield _hypothesis(
            field="model.activation",
            value="relu",
            fix="Set model.activation to relu.",
            clues=(Clue(True, 2.5, f"{name} is an unusual activation for hidden units"),),
        )


RULES: tuple[Rule, ...] = (
    dropout_too_high,
    bottleneck,
    output_units,
    constant_weights,
    large_weights,
    softmax_twice,
    activation,
)
