"""Rules about config.yaml's optimizer and training settings."""

from __future__ import annotations

from functools import partial
from typing import Iterator

from mlops_debug_env.agents.evidence import Evidence
from mlops_debug_env.agents.hypothesis import Clue, Hypothesis, Rule

_hypothesis = partial(Hypothesis, category="config_error", file="config.yaml")

USUAL_RATE = {"adam": 0.01, "adamw": 0.01}
HIGHEST_RATE = {"sgd": 4.5, "adam": 0.15, "adamw": 0.15}
LOWEST_RATE = {"sgd": 0.01, "adam": 3e-4, "adamw": 3e-4}
HIGHEST_DECAY = {"adamw": 0.5}
"""AdamW multiplies the decay by the learning rate, so that larger ones are usual."""


def _usual_rate(seen: Evidence) -> float:
    """SGD moves along the sum of its gradients, which momentum makes longer: the usual rate is smaller by that."""
    name, momentum = str(seen.config("optimizer.name")), seen.config_number("optimizer.momentum")
    if name == "sgd" and momentum is not None:
        return round(1.1 * (1.0 - min(max(momentum, 0.0), 0.95)), 4)
    return USUAL_RATE.get(name, 0.1)


def learning_rate_too_high(seen: Evidence) -> Iterator[Hypothesis]:
    rate, name = seen.config_number("optimizer.learning_rate"), str(seen.config("optimizer.name"))
    usual = _usual_rate(seen)
    if rate is not None and rate > usual:
        yield _hypothesis(
            field="optimizer.learning_rate",
            value=usual,
            fix=f"Lower optimizer.learning_rate from {rate:g} to {usual:g}.",
            clues=(
                Clue(rate > HIGHEST_RATE.get(name, 0.5), 4.0, f"a learning rate of {rate:g} is far too high", 4.0),
                Clue(seen.is_unusual("loss_trajectory", "largest_over_chance"), 1.5, "the loss shot up", 0.5),
                Clue(seen.is_unusual("gradient_norms", "largest"), 1.0, "gradients are far too large"),
                Clue(seen.is_unusual("gradient_norms", "dead_unit_share"), 1.0, "hidden units died"),
                Clue(seen.is_unusual("loss_trajectory", "non_finite_epochs"), 1.0, "the loss is no number"),
            ),
        )


def learning_rate_too_low(seen: Evidence) -> Iterator[Hypothesis]:
    rate, name = seen.config_number("optimizer.learning_rate"), str(seen.config("optimizer.name"))
    usual = _usual_rate(seen)
    if rate is not None and rate < usual:
        yield _hypothesis(
            field="optimizer.learning_rate",
            value=usual,
            fix=f"Raise optimizer.learning_rate from {rate:g} to {usual:g}.",
            clues=(
                Clue(rate < LOWEST_RATE.get(name, 1e-3), 4.0, f"a learning rate of {rate:g} is far too low", 4.0),
                Clue(seen.is_unusual("loss_trajectory", "last_over_chance"), 1.5, "the loss hardly fell", 1.0),
            ),
        )


def momentum_too_high(seen: Evidence) -> Iterator[Hypothesis]:
    momentum = seen.config_number("optimizer.momentum")
    if momentum is not None:
        yield _hypothesis(
            field="optimizer.momentum",
            value=0.7,
            fix=f"Lower optimizer.momentum from {momentum:g} to 0.7.",
            clues=(
                Clue(momentum > 0.97, 4.0, f"a momentum of {momentum:g} keeps steps alive for too long", 4.0),
                # Where another optimizer than SGD runs, the value is not used.
                Clue(seen.config("optimizer.name") != "sgd", -4.0, "momentum is not used"),
                Clue(seen.is_unusual("loss_trajectory", "up_move_share"), 1.5, "the loss climbed again", 0.5),
                Clue(seen.is_unusual("loss_trajectory", "last_over_chance"), 0.5, "the loss ended high"),
            ),
        )


def batch_too_large(seen: Evidence) -> Iterator[Hypothesis]:
    batch = seen.config_number("training.batch_size")
    rows = seen.logged("n_resampled") or seen.logged("n_train")
    if batch is not None:
        is_large = batch > 0.8 * rows if rows is not None else None
        usual = max(8, round(rows / 10)) if rows is not None else 128
        yield _hypothesis(
            field="training.batch_size",
            value=usual,
            fix=f"Lower training.batch_size from {batch:g} to {usual}.",
            clues=(
                Clue(is_large, 4.0, f"a batch of {batch:g} rows leaves one or two steps an epoch", 4.0),
                Clue(seen.is_unusual("loss_trajectory", "steps_per_epoch"), 1.5, "an epoch has few steps", 1.0),
                Clue(seen.is_unusual("loss_trajectory", "last_over_chance"), 1.0, "training was not done"),
                # A small table has few batches without any being large.
                Clue(batch <= 128, -3.0, "the batch is of the usual size"),
            ),
        )


def gradients_clipped(seen: Evidence) -> Iterator[Hypothesis]:
    norm = seen.config_number("training.gradient_clip_norm")
    if norm is not None:
        yield _hypothesis(
            field="training.gradient_clip_norm",
            value=None,
            fix="Set training.gradient_clip_norm to null.",
            clues=(
                Clue(norm < 0.3, 4.0, f"clipping at {norm:g} cuts every step", 4.0),
                Clue(seen.measured("gradient_norms", "clipped_step_share") == 0.0, -4.0, "no step was clipped"),
                # Adam divides by the size of the gradients: clipping changes little.
                Clue(seen.config("optimizer.name") != "sgd", -4.0, "the optimizer rescales gradients"),
                Clue(seen.is_unusual("loss_trajectory", "last_over_chance"), 1.0, "the loss hardly fell"),
            ),
        )


def _arrives_sorted(seen: Evidence) -> bool | None:
    """Whether the rows arrive sorted by label; None: dataset_stats.json does not name an order."""
    splits = seen.stats("splits")
    return seen.stats("arrival_order") == "label" if splits is not None else None


def shuffling_off(seen: Evidence) -> Iterator[Hypothesis]:
    if seen.config("training.shuffle") is False:
        yield _hypothesis(
            field="training.shuffle",
            value=True,
            fix="Set training.shuffle to true.",
            clues=(
                Clue(True, 2.5, "rows are not shuffled"),
                Clue(seen.is_unusual("class_balance", "batch_label_entropy"), 3.0, "batches hold few classes", 2.0),
                Clue(_arrives_sorted(seen), 1.0, "rows arrive sorted by label", 3.0),
            ),
        )


def weight_decay_too_large(seen: Evidence) -> Iterator[Hypothesis]:
    decay, name = seen.config_number("optimizer.weight_decay"), str(seen.config("optimizer.name"))
    if decay is not None:
        yield _hypothesis(
            field="optimizer.weight_decay",
            value=0.0003,
            fix=f"Lower optimizer.weight_decay from {decay:g} to 0.0003.",
            clues=(
                Clue(
                    decay > HIGHEST_DECAY.get(name, 0.02),
                    4.0,
                    f"a weight decay of {decay:g} pulls the weights to zero",
                    4.0,
                ),
                Clue(seen.is_unusual("loss_trajectory", "last_over_chance"), 1.5, "the loss stays high"),
            ),
        )


def too_few_epochs(seen: Evidence) -> Iterator[Hypothesis]:
    epochs, patience = seen.config_number("training.epochs"), seen.config_number("training.early_stopping_patience")
    ran = float(len(seen.epochs))
    if epochs is not None and epochs < 4:
        yield _hypothesis(
            field="training.epochs",
            value=10,
            fix=f"Raise training.epochs from {epochs:g} to 10.",
            clues=(Clue(True, 4.0, f"{epochs:g} epochs are few"),),
        )
    if epochs is not None and patience is not None:
        yield _hypothesis(
            field="training.early_stopping_patience",
            value=None,
            fix="Set training.early_stopping_patience to null.",
            clues=(
                Clue(patience < 3, 3.5, f"a patience of {patience:g} ends training at the first bad epoch", 4.0),
                Clue(ran < epochs, 2.0, f"training ended after {ran:g} of {epochs:g} epochs", 3.0),
            ),
        )


RULES: tuple[Rule, ...] = (
    learning_rate_too_high,
    learning_rate_too_low,
    momentum_too_high,
    batch_too_large,
    gradients_clipped,
    shuffling_off,
    weight_decay_too_large,
    too_few_epochs,
)
