"""Every field of every artifact, with its type and range or choices: static, public, the same for every episode.

A field that steers the run names the value of the pipeline it sets; a measured one names none and cannot be patched.
"""

from __future__ import annotations

from typing import Any

from domain.fields.field import FieldSpec, FieldType
from domain.training.pipeline import FieldValue, Pipeline
from domain.types import ArtifactName


class UnknownFieldError(LookupError):
    """No artifact has this field."""

    def __init__(self, file: str, field: str) -> None:
        super().__init__(f"{file} has no field {field}")
        self.file, self.field = file, field


def _config(field: str, type: FieldType, aliases: str = "", **rest: Any) -> FieldSpec:
    return FieldSpec(file="config.yaml", field=field, type=type, attribute=field, aliases=_names(aliases), **rest)


def _code(field: str, attribute: str, aliases: str = "", *, type: FieldType = "choice", **rest: Any) -> FieldSpec:
    return FieldSpec(
        file="preprocessing.py",
        field=field,
        type=type,
        attribute=f"preprocessing.{attribute}",
        aliases=_names(aliases),
        **rest,
    )


def _measured(file: ArtifactName, field: str, high: float = 1e9, aliases: str = "", low: float = 0.0) -> FieldSpec:
    return FieldSpec(file=file, field=field, type="number", low=low, high=high, aliases=_names(aliases))


def _text(file: ArtifactName, field: str, aliases: str = "") -> FieldSpec:
    return FieldSpec(file=file, field=field, type="text", aliases=_names(aliases))


def _names(aliases: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in aliases.split(",") if name.strip())


_CONFIG = (
    _text("config.yaml", "run_id"),
    _text("config.yaml", "data.dataset"),
    _text("config.yaml", "model.architecture", "architecture"),
    _config(
        "model.hidden_units", "integer", "hidden units, hidden size, hidden width, hidden layer size", low=1, high=256
    ),
    _config(
        "model.activation", "choice", "activation, activation function", choices=("relu", "tanh", "sigmoid", "linear")
    ),
    _config("model.num_classes", "integer", "num classes, number of classes, output units", low=2, high=12),
    _config("model.dropout", "number", "dropout, dropout rate", low=0, high=0.99),
    _config("model.bias", "boolean", "bias, bias term"),
    _config(
        "model.init",
        "choice",
        "init, weight init, initialization, weight initialization",
        choices=("he", "xavier", "constant"),
    ),
    _config("model.init_gain", "number", "init gain, gain", low=0.001, high=1000),
    _config("model.output_activation", "choice", "output activation, final activation", choices=("logits", "softmax")),
    _config(
        "optimizer.name", "choice", "optimizer name, optimizer type, optimizer class", choices=("sgd", "adam", "adamw")
    ),
    _config(
        "optimizer.learning_rate", "number", "learning rate, lr, optimizer lr, step size, base lr", low=1e-6, high=1000
    ),
    _config("optimizer.momentum", "number", "momentum, sgd momentum, momentum coefficient", low=0, high=0.9999),
    _config("optimizer.weight_decay", "number", "weight decay, l2 penalty, l2", low=0, high=100),
    _config("training.epochs", "integer", "epochs, num epochs, number of epochs", low=1, high=100),
    _config(
        "training.batch_size",
        "integer",
        "batch size, batchsize, minibatch size, mini batch size, mini batch, minibatch, mini batches, minibatches, samples per gradient step, batch",
        low=1,
        high=8192,
    ),
    _config("training.shuffle", "boolean", "shuffle, shuffling"),
    _config(
        "training.gradient_clip_norm",
        "number",
        "gradient clip norm, gradient clip, gradient clipping, grad clip, clip norm",
        low=1e-6,
        high=1000,
        nullable=True,
    ),
    _config(
        "training.early_stopping_patience",
        "integer",
        "early stopping patience, early stopping, patience",
        low=1,
        high=100,
        nullable=True,
    ),
    _config("training.seed", "integer", "training seed", low=0, high=99999),
    _config("evaluation.checkpoint", "choice", "checkpoint, evaluation checkpoint", choices=("best", "first", "last")),
    _config("evaluation.average", "choice", "average, f1 average", choices=("macro", "weighted")),
)

_CODE = (
    _code("train_test_split.test_size", "test_size", "test size, test split size, split rows test size, make split test size, split ratio, test fraction, test ratio, split size, test portion, test share, held out fraction, fraction held out, fraction of rows held out, fraction reserved for testing, hold out fraction, holdout fraction, holdout size", type="number", low=0.05, high=0.9),
    _code("train_test_split.val_size", "val_size", "val size, validation size, validation fraction", type="number", low=0.05, high=0.9),
    _code("train_test_split.groups", "split_groups", "split groups, split rows groups, groups, group split", choices=("customer_id", "None")),
    _code("train_test_split.arrays", "second_split_from", "second split, split arrays, split input, split rows input", choices=("rest", "df")),
    _code("train_test_split.random_state", "eval_random_state", "random state, split random state, split rows random state, split seed, eval split seed, make split seed, make split random state, run evaluation seed, seed seed, seed none, random seed", choices=("SEED", "None"), fallback_names=("make split", "eval split", "evaluation split", "run evaluation", "seed")),
    _code("RandomOverSampler.fit_resample", "oversample", "random over sampler, over sampler, oversampler, oversampling, fit resample, fit resample frame, resampling", choices=("train", "all")),
    _code("StandardScaler.enabled", "scaler_enabled", "scaler enabled, scaler class, identity transform", type="boolean"),
    _code("StandardScaler.fit_transform", "scaler_fit", "standard scaler fit, standard scaler, scaler fit transform, scaler fit, scaler, fit transforms scaler, standardization, standardisation, normalization statistics", choices=("train", "all")),
    _code("StandardScaler.transform", "scaler_eval", "standard scaler transform, scaler transform, eval scaler, eval features scaler, scaler eval", choices=("reuse", "refit", "skip")),
    _code("SimpleImputer.fill_value", "fill_value", "fill value, simple imputer, imputer, imputer strategy, simple imputer strategy, imputation", choices=("median", "mean", "-999")),
    _code("TargetEncoder.fit", "encoder_fit", "target encoder fit, target encoder, encoder fit, target encoding", choices=("train", "all")),
    _code("TargetEncoder.cv", "encoder_cv", "target encoder cv, encoder cv, cross fit, cross fitting, encoder cross fit, target encoder cross fit", choices=("5", "None")),
    _code("TargetEncoder.smooth", "encoder_smooth", "smooth, smoothing, target encoder smoothing, encoder smooth", type="number", low=0, high=1000),
    _code("SelectKBest.fit", "selector_fit", "select k best fit, select k best, selector fit, selector, feature selection, feature selector", choices=("train", "all")),
    _code("SelectKBest.k", "selector_k", "select k best k, selector k", type="integer", low=1, high=24),
    _code("feature_columns.resolution_code", "resolution_code", "resolution code, extra columns, feature columns extra", choices=("drop", "keep")),
    _code("feature_columns.order", "eval_column_order", "feature order, column order, feature columns order, feature columns, numeric order, numeric columns", choices=("training", "sorted")),
    _code("unit_scale", "eval_unit_scale", "unit scale, eval unit, unit factor, unit conversion", type="number", low=1e-6, high=1e6),
    _code("labels.sort_index", "labels_sorted", "labels sort index, sort index, train labels, label alignment", type="boolean"),
    _code("LabelEncoder.fit_order", "eval_class_order", "label encoder fit order, label encoder, label encoder order, fit order, label map, label mapping, class order, class mapping, label order, eval labels, encode labels, class to index mapping, label encoding, class list, label codes", choices=("training", "sorted", "reversed"), fallback_names=("classes",)),
    _code("tokenizer.version", "tokenizer_eval", "tokenizer, tokenizer eval, eval tokenizer, get eval tokenizer, tokenizer eval version, vocabulary version, vocab version, tokenizer version", choices=("v1", "v2")),
    _code("tokenizer.train_version", "tokenizer_train", "tokenizer train, train tokenizer, tokenizer train version", choices=("v1", "v2")),
    _code("evaluate.val_loader", "val_rows", "val loader, validation loader, make loaders val", choices=("val", "test"), fallback_names=("validation rows",)),
    _code("evaluate.test_loader", "test_rows", "test loader, evaluate loader", choices=("test", "train", "val"), fallback_names=("test rows", "evaluation rows")),
    _code("model.eval", "eval_mode", "model eval, model train, model mode, eval mode, inference mode", choices=("eval", "train")),
)  # fmt: skip

_REPORTED = "evaluation.val_accuracy_from"
_RESULTS = (
    _text("eval_results.json", "eval_results.run_id"),
    _measured("eval_results.json", "epochs_run", 100, "epochs run"),
    _text("eval_results.json", "eval_results.checkpoint"),
    FieldSpec(
        file="eval_results.json",
        field="metrics.val_accuracy",
        type="choice",
        choices=("validation", "test"),
        attribute=_REPORTED,
        aliases=_names(
            "val accuracy, validation accuracy, val acc, validation acc, metrics val acc, val report, m val, val test numbers, val and test numbers, val and test metrics, val test metrics, validation and test metrics, validation and test numbers, val and test results, validation and test results, validation and test accuracies, val and test accuracies, validation and test scores, val and test scores, val test scores, reported accuracies, two accuracies, reported metrics, two metrics, reported scores, two reports"
        ),
    ),
    FieldSpec(
        file="eval_results.json",
        field="metrics.test_accuracy",
        type="choice",
        choices=("validation", "test"),
        attribute=_REPORTED,
        opposite=True,
        aliases=_names("test accuracy, test acc, metrics test acc, test report, m test"),
    ),
    _measured("eval_results.json", "metrics.val_loss", 1e300, "val loss, validation loss"),
    _measured("eval_results.json", "metrics.test_loss", 1e300, "test loss"),
    _measured("eval_results.json", "metrics.test_f1", 1, "test f1, f1"),
    _measured("eval_results.json", "rows_scored.val", 1e6, "val rows scored"),
    _measured("eval_results.json", "rows_scored.test", 1e6, "test rows scored, rows scored"),
    _measured("eval_results.json", "test_confusion", 1e6, "confusion matrix, confusion"),
)

_LOG = tuple(
    _measured("train.log", name, high, alias)
    for name, high, alias in (
        ("log.n_train", 1e6, "n train"),
        ("log.n_val", 1e6, "n val"),
        ("log.n_resampled", 1e6, "n resampled"),
        ("log.n_features", 1e4, "n features"),
        ("log.steps_per_epoch", 1e6, "steps per epoch"),
        ("epoch.train_loss", 1e300, "train loss, training loss"),
        ("epoch.train_acc", 1, "train acc, train accuracy, training accuracy"),
        ("epoch.val_loss", 1e300, ""),
        ("epoch.val_acc", 1, ""),
        ("epoch.grad_norm", 1e300, "grad norm, gradient norm"),
        ("epoch.grad_norm_max", 1e300, "grad norm max"),
    )
)

_STATS = (
    _text("dataset_stats.json", "dataset_stats.dataset"),
    _measured("dataset_stats.json", "n_rows", 1e6),
    _measured("dataset_stats.json", "n_customers", 1e6),
    _measured("dataset_stats.json", "n_segments", 1e6),
    _text("dataset_stats.json", "dataset_stats.classes"),
    *(
        _measured("dataset_stats.json", f"splits.{split}.{name}", 1e6)
        for split in ("train", "val", "test")
        for name in ("n_rows", "class_counts")
    ),
    _measured("dataset_stats.json", "train_numeric.mean", 1e9, low=-1e9),
    _measured("dataset_stats.json", "train_numeric.std"),
    _measured("dataset_stats.json", "train_numeric.missing_rate", 1, "missing rate"),
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
