"""A training pipeline as frozen data: dataset, preprocessing, model, optimizer, training, evaluation.

Every pipeline has every component, so any one field can be changed in any pipeline. Choices are the words of the field
registry; numbers have at most four significant digits, so that they print exactly.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from domain.training.randomness import Stream
from domain.training.style import PLAIN, SeedSplit, Style, draw_style
from domain.training.themes import THEMES

FieldValue = bool | int | float | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """The synthetic distribution that the rows are drawn from. Standard deviations are in units of the within-class one."""

    name: str
    classes: tuple[str, ...]
    """Class names in the order of the model's outputs, most frequent first; never alphabetical."""
    customers: int
    rows_per_customer: int = 3
    segments: int = 170
    vocabulary: int = 24
    tokens_per_text: int = 6
    signals: int = 28
    """Numeric columns of which few are informative; the best are selected."""
    imbalance: float = 1.3
    """Frequency of each class over that of the next."""
    separation: float = 0.55
    customer_sd: float = 0.9
    label_noise: float = 0.02
    missing_share: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """What preprocessing.py does."""

    test_size: float = 0.15
    val_size: float = 0.18
    """Share of what the first split left."""
    split_groups: str = "customer_id"
    second_split_from: str = "rest"
    eval_random_state: str = "SEED"
    oversample: str = "train"
    scaler_enabled: bool = True
    scaler_fit: str = "train"
    scaler_eval: str = "reuse"
    fill_value: str = "median"
    encoder_fit: str = "train"
    encoder_cv: str = "5"
    encoder_smooth: float = 5.0
    selector_k: int = 10
    selector_fit: str = "train"
    resolution_code: str = "drop"
    eval_column_order: str = "training"
    eval_unit_scale: float = 1.0
    labels_sorted: bool = False
    eval_class_order: str = "training"
    tokenizer_train: str = "v2"
    tokenizer_eval: str = "v2"
    val_rows: str = "val"
    test_rows: str = "test"
    eval_mode: str = "eval"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A multi-layer perceptron with one hidden layer."""

    hidden_units: int
    num_classes: int
    dropout: float
    activation: str = "relu"
    bias: bool = True
    init: str = "he"
    init_gain: float = 1.0
    output_activation: str = "logits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimizer:
    learning_rate: float
    name: str = "sgd"
    momentum: float = 0.9
    weight_decay: float = 0.0001


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    seed: int
    """Printed in config and code; drives split, folds, initial weights, batches and dropout, never the data."""
    epochs: int
    batch_size: int
    shuffle: bool = True
    gradient_clip_norm: float | None = None
    early_stopping_patience: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    checkpoint: str = "best"
    average: str = "macro"
    val_accuracy_from: str = "validation"
    """Which split is reported as validation; the other one is reported as test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """All that a training run is made from. `seed` draws the data and is never printed."""

    seed: int
    dataset: Dataset
    preprocessing: Preprocessing
    model: Model
    optimizer: Optimizer
    training: Training
    evaluation: Evaluation
    style: Style = PLAIN
    """How the files are written; it changes nothing that happens."""

    def value(self, attribute: str) -> FieldValue:
        """The value at a path such as ``optimizer.momentum``."""
        section, name = attribute.split(".")
        found: FieldValue = getattr(getattr(self, section), name)
        return found

    def with_value(self, attribute: str, value: FieldValue) -> Pipeline:
        """A copy with one value changed."""
        section, name = attribute.split(".")
        changed: Any = dataclasses.replace(getattr(self, section), **{name: value})
        return dataclasses.replace(self, **{section: changed})

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries and lists."""
        body = dataclasses.asdict(self)
        body["dataset"]["classes"] = list(self.dataset.classes)
        return body

    @staticmethod
    def from_json(body: dict[str, Any]) -> Pipeline:
        """The inverse of `to_json`."""
        dataset = {**body["dataset"], "classes": tuple(body["dataset"]["classes"])}
        return Pipeline(
            seed=body["seed"],
            dataset=Dataset(**dataset),
            preprocessing=Preprocessing(**body["preprocessing"]),
            model=Model(**body["model"]),
            optimizer=Optimizer(**body["optimizer"]),
            training=Training(**body["training"]),
            evaluation=Evaluation(**body["evaluation"]),
            style=Style(**body.get("style", {})),  # scenarios of generator version 1 had one style
        )


def draw_pipeline(seed: int, split: SeedSplit = "train") -> Pipeline:
    """The healthy pipeline of a seed, with harmless oddities from a stream of their own.

    Args:
        seed: 0 to 2^128 - 1.
        split: which themes and spellings to write it in; the run differs only in the theme's names.
    """
    draw = Stream(seed, "pipeline")
    theme = draw.choice(THEMES[split])
    class_count = draw.integer(3, 5)
    dataset = Dataset(
        name=theme.dataset,
        classes=_class_order(theme.classes[:class_count], draw),
        customers=draw.integer(230, 300),
        segments=draw.integer(150, 200),
        signals=draw.integer(24, 32),
        imbalance=round(1.0 + 0.1 * draw.integer(0, 8), 1),
        separation=round(0.45 + 0.05 * draw.integer(0, 4), 2),
        label_noise=round(0.02 * draw.integer(0, 3), 2),
    )
    optimizer = Optimizer(
        learning_rate=draw.choice((0.15, 0.2, 0.3)), weight_decay=draw.choice((0.0001, 0.0003, 0.001))
    )
    hidden_units = draw.choice((12, 16, 24))
    dropout = draw.choice((0.1, 0.15, 0.2))
    epochs, batch_size = draw.integer(8, 12), draw.choice((48, 64, 96))
    public_seed = Stream(seed, "public-seed").integer(0, 99999)
    decoy = Stream(seed, "decoys")
    return Pipeline(
        seed=seed,
        dataset=dataset,
        preprocessing=Preprocessing(
            fill_value=decoy.choice(("median", "median", "mean")),
            encoder_smooth=decoy.choice((4.0, 5.0, 8.0)),
            selector_k=decoy.choice((8, 10, 12)),
        ),
        model=Model(
            hidden_units=hidden_units,
            num_classes=class_count,
            dropout=dropout,
            bias=decoy.choice((True, True, False)),
            init=decoy.choice(("he", "he", "xavier")),
            init_gain=decoy.choice((0.9, 1.0, 1.1)),
        ),
        optimizer=optimizer,
        training=Training(
            seed=public_seed,
            epochs=epochs,
            batch_size=batch_size,
            gradient_clip_norm=decoy.choice((None, 5.0, 10.0)),
            early_stopping_patience=decoy.choice((None, 15, 20)),
        ),
        evaluation=Evaluation(average=decoy.choice(("macro", "weighted"))),
        style=draw_style(seed, split),
    )


def _class_order(names: tuple[str, ...], draw: Stream) -> tuple[str, ...]:
    """A rotation of the alphabetical order: every class stands elsewhere than in `sorted(names)`."""
    ordered = sorted(names)
    shift = draw.integer(1, len(ordered) - 1)
    return tuple(ordered[shift:] + ordered[:shift])
