"""Every field of every artifact, with its type and range or choices: static, public, the same for every episode.

A field that steers the run names the value of the pipeline it sets; a measured one names none and cannot be patched.
"""

from __future__ import annotations

from typing import Any

from domain.fields.aliases import ALIASES, FALLBACK_NAMES
from domain.fields.field import FieldSpec, FieldType
from domain.training.pipeline import FieldValue, Pipeline
from domain.types import ArtifactName


class UnknownFieldError(LookupError):
    """No artifact has this field."""

    def __init__(self, file: str, field: str) -> None:
        super().__init__(f"{file} has no field {field}")
        self.file, self.field = file, field


def _spec(file: ArtifactName, field: str, type: FieldType, **rest: Any) -> FieldSpec:
    return FieldSpec(
        file=file,
        field=field,
        type=type,
        aliases=ALIASES.get(field, ()),
        fallback_names=FALLBACK_NAMES.get(field, ()),
        **rest,
    )


def _config(field: str, type: FieldType, **rest: Any) -> FieldSpec:
    return _spec("config.yaml", field, type, attribute=field, **rest)


def _code(field: str, attribute: str, *, type: FieldType = "choice", **rest: Any) -> FieldSpec:
    return _spec("preprocessing.py", field, type, attribute=f"preprocessing.{attribute}", **rest)


def _measured(file: ArtifactName, field: str, high: float = 1e9, low: float = 0.0) -> FieldSpec:
    return _spec(file, field, "number", low=low, high=high)


def _text(file: ArtifactName, field: str) -> FieldSpec:
    return _spec(file, field, "text")


_CONFIG = (
    _text("config.yaml", "run_id"),
    _text("config.yaml", "data.dataset"),
    _text("config.yaml", "model.architecture"),
    _config("model.hidden_units", "integer", low=1, high=256),
    _config("model.activation", "choice", choices=("relu", "tanh", "sigmoid", "linear")),
    _config("model.num_classes", "integer", low=2, high=12),
    _config("model.dropout", "number", low=0, high=0.99),
    _config("model.bias", "boolean"),
    _config("model.init", "choice", choices=("he", "xavier", "constant")),
    _config("model.init_gain", "number", low=0.001, high=1000),
    _config("model.output_activation", "choice", choices=("logits", "softmax")),
    _config("optimizer.name", "choice", choices=("sgd", "adam", "adamw")),
    _config("optimizer.learning_rate", "number", low=1e-6, high=1000),
    _config("optimizer.momentum", "number", low=0, high=0.9999),
    _config("optimizer.weight_decay", "number", low=0, high=100),
    _config("training.epochs", "integer", low=1, high=100),
    _config("training.batch_size", "integer", low=1, high=8192),
    _config("training.shuffle", "boolean"),
    _config("training.gradient_clip_norm", "number", low=1e-6, high=1000, nullable=True),
    _config("training.early_stopping_patience", "integer", low=1, high=100, nullable=True),
    _config("training.seed", "integer", low=0, high=99999),
    _config("evaluation.checkpoint", "choice", choices=("best", "first", "last")),
    _config("evaluation.average", "choice", choices=("macro", "weighted")),
)

_CODE = (
    _code("train_test_split.test_size", "test_size", type="number", low=0.05, high=0.9),
    _code("train_test_split.val_size", "val_size", type="number", low=0.05, high=0.9),
    _code("train_test_split.groups", "split_groups", choices=("customer_id", "None")),
    _code("train_test_split.arrays", "second_split_from", choices=("rest", "df")),
    _code("train_test_split.random_state", "eval_random_state", choices=("SEED", "None")),
    _code("RandomOverSampler.fit_resample", "oversample", choices=("train", "all")),
    _code("StandardScaler.enabled", "scaler_enabled", type="boolean"),
    _code("StandardScaler.fit_transform", "scaler_fit", choices=("train", "all")),
    _code("StandardScaler.transform", "scaler_eval", choices=("reuse", "refit", "skip")),
    _code("SimpleImputer.fill_value", "fill_value", choices=("median", "mean", "-999")),
    _code("TargetEncoder.fit", "encoder_fit", choices=("train", "all")),
    _code("TargetEncoder.cv", "encoder_cv", choices=("5", "None")),
    _code("TargetEncoder.smooth", "encoder_smooth", type="number", low=0, high=1000),
    _code("SelectKBest.fit", "selector_fit", choices=("train", "all")),
    _code("SelectKBest.k", "selector_k", type="integer", low=1, high=24),
    _code("feature_columns.resolution_code", "resolution_code", choices=("drop", "keep")),
    _code("feature_columns.order", "eval_column_order", choices=("training", "sorted")),
    _code("unit_scale", "eval_unit_scale", type="number", low=1e-6, high=1e6),
    _code("labels.sort_index", "labels_sorted", type="boolean"),
    _code("LabelEncoder.fit_order", "eval_class_order", choices=("training", "sorted", "reversed")),
    _code("tokenizer.version", "tokenizer_eval", choices=("v1", "v2")),
    _code("tokenizer.train_version", "tokenizer_train", choices=("v1", "v2")),
    _code("evaluate.val_loader", "val_rows", choices=("val", "test")),
    _code("evaluate.test_loader", "test_rows", choices=("test", "train", "val")),
    _code("model.eval", "eval_mode", choices=("eval", "train")),
)

_REPORTED = "evaluation.val_accuracy_from"
_RESULTS = (
    _text("eval_results.json", "eval_results.run_id"),
    _measured("eval_results.json", "epochs_run", 100),
    _text("eval_results.json", "eval_results.checkpoint"),
    _spec(
        "eval_results.json",
        "metrics.val_accuracy",
        "choice",
        choices=("validation", "test"),
        attribute=_REPORTED,
    ),
    _spec(
        "eval_results.json",
        "metrics.test_accuracy",
        "choice",
        choices=("validation", "test"),
        attribute=_REPORTED,
        opposite=True,
    ),
    _measured("eval_results.json", "metrics.val_loss", 1e300),
    _measured("eval_results.json", "metrics.test_loss", 1e300),
    _measured("eval_results.json", "metrics.test_f1", 1),
    _measured("eval_results.json", "rows_scored.val", 1e6),
    _measured("eval_results.json", "rows_scored.test", 1e6),
    _measured("eval_results.json", "test_confusion", 1e6),
)

_LOG = tuple(
    _measured("train.log", name, high)
    for name, high in (
        ("log.n_train", 1e6),
        ("log.n_val", 1e6),
        ("log.n_resampled", 1e6),
        ("log.n_features", 1e4),
        ("log.steps_per_epoch", 1e6),
        ("epoch.train_loss", 1e300),
        ("epoch.train_acc", 1),
        ("epoch.val_loss", 1e300),
        ("epoch.val_acc", 1),
        ("epoch.grad_norm", 1e300),
        ("epoch.grad_norm_max", 1e300),
    )
)

_STATS = (
    _text("dataset_stats.json", "dataset_stats.dataset"),
    _measured("dataset_stats.json", "n_rows", 1e6),
    _measured("dataset_stats.json", "n_customers", 1e6),
    _measured("dataset_stats.json", "n_segments", 1e6),
    _text("dataset_stats.json", "arrival_order"),
    _text("dataset_stats.json", "dataset_stats.classes"),
    *(
        _measured("dataset_stats.json", f"splits.{split}.{name}", 1e6)
        for split in ("train", "val", "test")
        for name in ("n_rows", "class_counts")
    ),
    _measured("dataset_stats.json", "train_numeric.mean", 1e9, low=-1e9),
    _measured("dataset_stats.json", "train_numeric.std"),
    _measured("dataset_stats.json", "train_numeric.missing_rate", 1),
    _measured("dataset_stats.json", "n_signals", 1e4),
    _measured("dataset_stats.json", "tokens_per_text", 1e4),
)

_CARD = tuple(
    _text("model_card.json", f"model_card.{name}")
    for name in (
        "model_id",
        "task",
        "classes",
        "architecture",
        "framework",
        "tokenizer",
        "owner",
        "created",
        "license",
        "intended_use",
        "evaluation",
    )
)

REGISTRY: tuple[FieldSpec, ...] = (*_CONFIG, *_LOG, *_STATS, *_CODE, *_RESULTS, *_CARD)


def find(file: str, field: str) -> FieldSpec:
    """The field of an artifact.

    Raises:
        UnknownFieldError: the registry does not have it.
    """
    for spec in REGISTRY:
        if spec.file == file and spec.field == field:
            return spec
    raise UnknownFieldError(file, field)


def registry_json() -> list[dict[str, Any]]:
    """`field_registry` of WIRE.md."""
    return [spec.to_json() for spec in REGISTRY]


def with_field(pipeline: Pipeline, file: str, field: str, value: FieldValue) -> Pipeline:
    """The pipeline with one field set.

    Raises:
        UnknownFieldError: no artifact has the field, or it is measured and cannot be set.
        ValueOutsideFieldError: the field cannot take the value.
    """
    spec = find(file, field)
    if spec.attribute is None:
        raise UnknownFieldError(file, field)
    return pipeline.with_value(spec.attribute, spec.to_pipeline(value))
