"""What a field is called in everyday words, as data: groups of words of which a text has to have one each.

A group is words joined by ``|``; the more groups a description has, the more exact it is, and the most exact one counts. Words
are compared by `stem`. Names of a source or a column in a path are groups of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

_EVALUATION = "evaluation|eval|test|inference|serving"
_SCALING = "scaler|scaling|scaled|scale|normalization|standardization|standardscaler"
_ROWS = "row|data|set|sample|split|dataset|frame"

DESCRIPTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "training.batch_size": ("bs", "batch|minibatch size|sample|row|number"),
        "model.hidden_units": (
            "hidden|bottleneck unit|neuron|width|size|node|dimension|dim|layer",
            "layer width",
        ),
        "model.num_classes": (
            "output|last|final unit|neuron|dimension|dim|size|width|node",
            "number|num|count class|output",
        ),
        "model.output_activation": (
            "softmax output|loss|double|layer|final|last",
            "output|final|last activation|nonlinearity",
        ),
        "model.dropout": ("drop rate|probability|prob|share",),
        "model.eval": (
            f"dropout {_EVALUATION}|active|on",
            "model|network|train|training mode",
            "batch|layer mode",
        ),
        "model.init_gain": ("init|weight|initializer gain|scale|variance|std|amplitude",),
        "model.init": ("initializer", "init|weight scheme|method|strategy|constant|zero"),
        "optimizer.learning_rate": ("lr", "learning|step rate|size"),
        "optimizer.weight_decay": (
            "regularization|l2|regularizer strength|coefficient|penalty|weight|factor|term",
            "l2",
            "regularization",
        ),
        "optimizer.momentum": ("beta1", "momentum sgd|coefficient|factor|value|optimizer"),
        "optimizer.name": ("optimizer algorithm|choice|type|class",),
        "training.gradient_clip_norm": (
            "grad|gradient clip|norm|threshold|limit|max",
            "clip value|threshold|limit|norm|max",
        ),
        "training.early_stopping_patience": ("patience", "early stop|patience"),
        "training.shuffle": ("shuffle|order batch|loader|flag|data|training",),
        "training.epochs": ("epoch number|count|max|num", "training length|duration"),
        "evaluation.checkpoint": ("checkpoint|weight evaluated|loaded|restored|selected|selection|best|first",),
        "train_test_split.test_size": (
            "test|holdout|split size|ratio|fraction|share|proportion|percentage",
            "split ratio",
        ),
        "train_test_split.val_size": ("val size|ratio|fraction|share|proportion",),
        "train_test_split.groups": ("group customer|split|key", "customer split|overlap|grouping"),
        "train_test_split.arrays": (
            "second split|splitting input|source|array|row|frame|data",
            "val split source|input|array",
            "second split",
        ),
        "train_test_split.random_state": (
            f"seed|random|state {_EVALUATION}|second split|resplit",
            "seed split|second|fixed",
        ),
        "RandomOverSampler.fit_resample": ("oversampling|oversampler|resampling|oversampled|resampled",),
        "StandardScaler.enabled": (
            f"{_SCALING} feature|numeric|input|disabled|missing|off|identity|removed|no",
            "identitytransform",
        ),
        "StandardScaler.fit_transform": (
            f"{_SCALING} fit|fitted|fitting|statistic|all|leak",
            f"{_SCALING} fit|fitted|fitting {_ROWS}",
        ),
        "StandardScaler.transform": (
            f"{_SCALING} {_EVALUATION} feature|{_ROWS}|refit|refitted|missing|transform",
            f"{_SCALING} refit|refitted",
            f"{_SCALING} {_EVALUATION} refit|refitted|missing|skipped {_ROWS}|feature",
        ),
        "SimpleImputer.fill_value": (
            "missing|nan|null fill|value|imputation|replacement|sentinel|handling",
            "imputer|imputation",
        ),
        "TargetEncoder.fit": (
            "target|encoder fit|fitted|fitting",
            "target encoder|encoding fit|fitted|fitting row|all|data",
        ),
        "TargetEncoder.cv": (
            "cross|fold|oof|cv|insample encoder|encoding|target",
            "cross|fold|out encoder|encoding target|fit|fitting|fold",
            "cross|fold|oof|cv fit|fitting|fold target encoder|encoding",
        ),
        "TargetEncoder.smooth": ("smoothing encoder|target|strength",),
        "SelectKBest.fit": ("feature|selector selection|selector|fit|fitted", "selectkbest"),
        "SelectKBest.k": ("number|count selected|selector|kept feature",),
        "feature_columns.resolution_code": (
            "extra|leaky|proxy|leaked column|feature",
            "extra|leaky|proxy|leaked column feature",
        ),
        "feature_columns.order": ("feature|column|numeric order|ordering|sorted",),
        "unit_scale": (
            f"unit {_EVALUATION}|factor|conversion|scale|feature",
            f"scale|conversion factor {_EVALUATION}|unit|feature",
            f"unit scale|factor|conversion {_EVALUATION}|feature",
        ),
        "labels.sort_index": (
            "label|target alignment|aligned|misaligned|misalignment|sorted|index",
            "label|target order|index|sorted|shuffled training|train|row|index",
        ),
        "LabelEncoder.fit_order": (
            "class|label order|mapping|map|index|encoding|encoder|code|list",
            f"class|label order|mapping|encoding {_EVALUATION}",
        ),
        "tokenizer.version": (f"tokenizer|vocabulary|vocab version|{_EVALUATION}", "bpe version"),
        "evaluate.val_loader": (
            f"val loader|{_ROWS}|used|watched|selection",
            f"val {_ROWS} used|watched|selection|monitored",
        ),
        "evaluate.test_loader": (
            f"{_EVALUATION} loader|{_ROWS}",
            f"test {_ROWS} metric|score|scored|computed|evaluated",
        ),
        "metrics.val_accuracy": ("metric|accuracy|report|score swapped|swap|exchanged|crossed|reversed",),
        # runs of several sources
        "unit": ("unit", "measurement|measured unit"),
        "missing_code": ("missing|sentinel|na|null code|value|marker", "sentinel"),
        "used_until": ("used|valid|last|cutoff|cut|end until|month|date|off", "frozen|stale"),
        "label_map": ("label|class map|mapping|code",),
        "snapshot": ("snapshot", "join|joined month|date|snapshot"),
        "date_format": ("date format|parsing|order", "day month order|format"),
        "tokenizer": ("tokenizer|tokenization|vocab",),
        "majority_kept": ("majority kept|share|rate|class|weight", "downsampling|subsampling|undersampling|thinning"),
        "deduplicate": ("deduplication|duplicate|dedup|deduplicate",),
        "join.keys": ("join key|column", "join on"),
        "join.how": ("join type|kind|how|inner|left",),
        "labels.maturity_months": ("label maturity|delay|lag|mature|month", "maturity"),
        "as_of": ("as of", "event|export|point time|value|as"),
        "split.by": ("split random|month|time|temporal|by|strategy|method",),
        "split.groups": ("split group|customer|grouping",),
        "imputer.fill": ("imputer|imputation", "missing|nan fill|value|imputation"),
        "evaluation.label_order": (f"label|class order|mapping|encoding {_EVALUATION}", "label order"),
        "evaluation.validation_ids": ("val id|list|file|set|row", "swapped|exchanged val test"),
        "evaluation.sources": (f"{_EVALUATION} source",),
        "loader.shuffle": ("shuffle|shuffling",),
        "class_weights.order": ("class weight order|mapping", "weight order"),
        "loss.divide_by": ("loss denominator|normalization|divide|divisor|reduction|padding|averaging|mean|capacity",),
        "environment.tabular": (
            "tabular version|library|release|pin|package|environment",
            "scaler default|clip|version",
        ),
        "environment.textkit": (
            "textkit version|library|release|pin|package|environment",
            "vocabulary default|version|size",
        ),
    }
)
"""By the field's name; of a run of several sources by the last word of a path that has names, else by the whole path."""

_STEMS = (
    (re.compile(r"is(?=(?:e|ed|ing|ation|er)$)"), "iz"),
    (re.compile(r"^(?:valid|validation|validate|dev)\Z"), "val"),
    (re.compile(r"^(?:init|initializ\w*|initialis\w*)\Z"), "init"),
    (re.compile(r"^shuffl\w*\Z"), "shuffle"),
    (re.compile(r"^splitt?ing\Z|^splits\Z"), "split"),
    (re.compile(r"^clipp\w*\Z"), "clip"),
    (re.compile(r"^stopp\w*\Z"), "stop"),
    (re.compile(r"^group(?:ed|ing)\Z"), "group"),
    (re.compile(r"^(?:train|training|trained)\Z"), "train"),
    (re.compile(r"(?<=\w\w[^s])s\Z"), ""),
)


def stem(word: str) -> str:
    """A lower-case word without its plural, in American spelling."""
    for pattern, replacement in _STEMS:
        word = pattern.sub(replacement, word)
    return word
