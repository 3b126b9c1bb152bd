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
RULES = 5
"""What a pipeline that is drawn now runs under. Pipelines of generators 1 to 4 run under rules 4: see `earlier`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """The synthetic distribution that the rows are drawn from. Standard deviations are in units of the within-class one."""

    name: str
    classes: tuple[str, ...]
    """Class names in the order of the model's outputs, most frequent first; never alphabetical."""
    customers: int
    rows_per_customer: int = 3
    """On average; 1: exactly one."""
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
    arrival_order: str | None = None
    """The order in which rows arrive: ``row_id``, ``label`` or none."""
    rules: int = 4
    """Which rules the run follows; stored pipelines that do not say follow those of generator 4."""


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
        sections = ("dataset", "preprocessing", "model", "optimizer", "training", "evaluation", "style")
        body: dict[str, Any] = {"seed": self.seed} | {name: _values(getattr(self, name)) for name in sections}
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


def _values(section: Any) -> dict[str, Any]:
    """The values of one section by their names."""
    return {field.name: getattr(section, field.name) for field in dataclasses.fields(section)}


def draw_pipeline(seed: int, split: SeedSplit = "train") -> Pipeline:
    """The healthy pipeline of a seed. Its values come from the whole range in which they work together.

    Args:
        seed: 0 to 2^128 - 1.
        split: which themes and spellings to write it in; the run differs only in the theme's names.
    """
    draw = Stream(seed, "pipeline")
    theme = draw.choice(THEMES[split])
    class_count = draw.integer(3, 5)
    dataset = _draw_dataset(theme.dataset, _class_order(theme.classes[:class_count], draw), Stream(seed, "dataset"))
    preprocessing = _draw_preprocessing(dataset, Stream(seed, "preprocessing"))
    training = _draw_training(dataset, preprocessing, Stream(seed, "training"))
    public_seed = Stream(seed, "public-seed").integer(0, 99999)
    model = _draw_model(class_count, Stream(seed, "model"))
    optimizer = draw_optimizer(Stream(seed, "optimizer"))
    draw = Stream(seed, "evaluation")
    return Pipeline(
        seed=seed,
        dataset=dataset,
        preprocessing=dataclasses.replace(
            preprocessing, eval_mode="train" if model.dropout == 0 and draw.happens(0.3) else "eval"
        ),
        model=model,
        optimizer=optimizer,
        training=dataclasses.replace(
            training, seed=public_seed, gradient_clip_norm=_draw_clip(optimizer, Stream(seed, "clip"))
        ),
        evaluation=Evaluation(
            average=draw.choice(("macro", "weighted")), checkpoint=draw.choice(("best", "best", "best", "last"))
        ),
        style=draw_style(seed, split),
    )


def _draw_dataset(name: str, classes: tuple[str, ...], draw: Stream) -> Dataset:
    """1,500 to 3,000 rows on average; every customer has one row, or 1 to 8."""
    rows_per_customer = draw.choice((1, 3, 3, 3))
    rows = draw.integer(1550, 2550)
    customers = rows // rows_per_customer
    return Dataset(
        name=name,
        classes=classes,
        customers=customers,
        rows_per_customer=rows_per_customer,
        segments=rows // draw.integer(4, 6),
        signals=draw.integer(24, 32),
        imbalance=digits(draw.between(1.0, 1.7)),
        separation=digits(draw.between(0.4, 0.62)),
        customer_sd=digits(draw.between(0.7, 1.0)),
        label_noise=digits(draw.between(0.01, 0.07)),
        missing_share=draw.choice((0.0, *(digits(draw.between(0.02, 0.12)) for _ in range(4)))),
        arrival_order=draw.choice((None, "row_id", "label")),
        rules=RULES,
    )


def _draw_preprocessing(dataset: Dataset, draw: Stream) -> Preprocessing:
    """Words that would do harm elsewhere are drawn where they do none."""
    is_harmless = [draw.happens(share) for share in (0.5, 0.4, 0.3)]
    tokenizer = draw.choice(("v1", "v2", "v2"))
    return Preprocessing(
        test_size=digits(draw.between(0.12, 0.3)),
        val_size=digits(draw.between(0.12, 0.3)),
        split_groups="None" if dataset.rows_per_customer == 1 and is_harmless[0] else "customer_id",
        fill_value="-999" if dataset.missing_share == 0 and is_harmless[1] else draw.choice(("median", "mean")),
        labels_sorted=dataset.arrival_order == "row_id" and is_harmless[2],
        encoder_smooth=digits(draw.log_between(2.0, 30.0)),
        selector_k=draw.integer(4, 14),
        tokenizer_train=tokenizer,
        tokenizer_eval=tokenizer,
    )


def _draw_model(class_count: int, draw: Stream) -> Model:
    return Model(
        hidden_units=round(draw.log_between(8, 32)),
        num_classes=class_count,
        dropout=draw.choice((0.0, *(digits(draw.between(0.02, 0.3)) for _ in range(3)))),
        activation=draw.choice(("relu", "relu", "relu", "tanh")),
        bias=draw.choice((True, True, False)),
        init=draw.choice(("he", "xavier")),
        init_gain=digits(draw.log_between(0.4, 1.8)),
    )


def _draw_training(dataset: Dataset, preprocessing: Preprocessing, draw: Stream) -> Training:
    """Some 40 to 90 steps in all."""
    trained_on = 1.15 * dataset.customers * dataset.rows_per_customer
    trained_on *= (1 - preprocessing.test_size) * (1 - preprocessing.val_size)
    steps = draw.integer(5, 12)
    return Training(
        seed=0,
        epochs=max(6, draw.integer(42, 90) // steps),
        batch_size=8 * round(trained_on / steps / 8),
        shuffle=dataset.arrival_order == "label" or draw.happens(0.75),
        early_stopping_patience=draw.choice((None, draw.integer(4, 20))),
    )


def draw_optimizer(draw: Stream, name: str | None = None) -> Optimizer:
    """An optimizer whose values suit each other: the one of this name, or any."""
    if name is None:
        name = draw.choice(("sgd", "sgd", "sgd", "adam", "adamw"))
    if name != "sgd":
        return Optimizer(
            name=name,
            learning_rate=digits(draw.log_between(0.003, 0.04)),
            momentum=digits(1.0 - draw.log_between(0.0005, 1.0), 4),  # these two ignore it
            weight_decay=digits(draw.log_between(1e-5, 3e-2 if name == "adamw" else 1e-3)),
        )
    momentum = draw.choice((0.0, *(digits(draw.between(0.3, 0.95)) for _ in range(4))))
    return Optimizer(
        name=name,
        learning_rate=digits(draw.log_between(0.3, 4.0) * (1 - momentum)),
        momentum=momentum,
        weight_decay=digits(draw.log_between(1e-5, 2e-3)),
    )


def _draw_clip(optimizer: Optimizer, draw: Stream) -> float | None:
    """None, or a norm; Adam steps alike whatever its gradients are scaled by."""
    if draw.happens(0.4):
        return None
    return digits(draw.log_between(0.6 if optimizer.name == "sgd" else 0.002, 20.0))


def digits(value: float, count: int = 2) -> float:
    """Rounded to a few significant digits, as people write settings."""
    return float(f"{value:.{count}g}")


def _class_order(names: tuple[str, ...], draw: Stream) -> tuple[str, ...]:
    """A rotation of the alphabetical order: every class stands elsewhere than in `sorted(names)`."""
    ordered = sorted(names)
    shift = draw.integer(1, len(ordered) - 1)
    return tuple(ordered[shift:] + ordered[:shift])
