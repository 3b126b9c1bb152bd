"""The rule by which categories are accepted: where the mistake was made, what it is, and where experts would differ.

A fault accepts the category of the place of its field, and that of what goes wrong there: of the network, of leaking data, of
labels. A step of the evaluation that prepares rows is in both places. `ALSO` has what else counts, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from domain.types import ArtifactName, FailureCategory

OF_FILE: Mapping[ArtifactName, FailureCategory] = MappingProxyType(
    {
        "config.yaml": "config_error",
        "train.py": "config_error",
        "data_sources.yaml": "preprocessing_bug",
        "preprocessing.py": "preprocessing_bug",
        "eval_results.json": "evaluation_bug",
    }
)
EVALUATION = frozenset(
    {
        "train_test_split.random_state",
        "evaluate.val_loader",
        "evaluate.test_loader",
        "model.eval",
        "metrics.val_accuracy",
        "LabelEncoder.fit_order",
        "evaluation.label_order",
        "evaluation.validation_ids",
        "evaluation.sources",
    }
)
"""Steps of the evaluation, or of watching the training, although they stand in preprocessing.py."""
EVALUATION_TOO = frozenset(
    {
        "evaluation.checkpoint",
        "StandardScaler.transform",
        "feature_columns.order",
        "unit_scale",
        "tokenizer.version",
    }
)
"""Steps of the evaluation that are also settings of config.yaml, or prepare rows."""
NETWORK = frozenset({"loss.divide_by"})
"""Beside all of the section ``model`` of config.yaml."""
LEAKS = frozenset(
    {
        "train_test_split.groups",
        "train_test_split.arrays",
        "train_test_split.random_state",
        "RandomOverSampler.fit_resample",
        "StandardScaler.fit_transform",
        "TargetEncoder.fit",
        "TargetEncoder.cv",
        "SelectKBest.fit",
        "feature_columns.resolution_code",
        "evaluate.val_loader",
        "evaluate.test_loader",
        "join.keys",
        "sources.{source}.deduplicate",
        "features.{column}.as_of",
        "split.by",
        "split.groups",
    }
)
LABELS = frozenset(
    {
        "labels.sort_index",
        "LabelEncoder.fit_order",
        "evaluation.label_order",
        "class_weights.order",
        "sources.{source}.label_map",
        "sources.{source}.used_until",
        "labels.maturity_months",
    }
)

ALSO: Mapping[str, tuple[FailureCategory, str]] = MappingProxyType(
    {
        "training.shuffle": ("preprocessing_bug", "the order of the rows is part of preparing them"),
        "loader.shuffle": ("preprocessing_bug", "the order of the rows is part of preparing them"),
        "environment.tabular": ("preprocessing_bug", "the version changes what the scaler does"),
        "environment.textkit": ("preprocessing_bug", "the version changes what the vocabulary keeps"),
        "split.by": ("evaluation_bug", "only what is measured is wrong"),
        "evaluation.sources": ("preprocessing_bug", "which sources are used is declared where rows are prepared"),
        "sources.{source}.snapshot": ("label_mismatch", "labels of late months meet columns of an earlier state"),
        "sources.{source}.tokenizer": (
            "evaluation_bug",
            "the version that the model meets differs from the one it knows",
        ),
        "sources.{source}.majority_kept": ("label_mismatch", "the shares of the classes are wrong"),
        "join.how": ("label_mismatch", "rows of some classes are lost"),
        "sources.{source}.date_format": ("data_leakage", "rows of later months land in earlier sets"),
        "labels.maturity_months": ("data_leakage", "labels are used before they are known"),
    }
)
"""Where two experts would differ: a further category, and why."""


def accepted_categories(file: ArtifactName, field: str) -> frozenset[FailureCategory]:
    """The categories that count for a fault of a field; of a run of several sources, of its pattern."""
    found: set[FailureCategory] = set()
    if field in EVALUATION or field in EVALUATION_TOO:
        found.add("evaluation_bug")
    if field not in EVALUATION:
        found.add(OF_FILE[file])
    if field in NETWORK or (file == "config.yaml" and field.startswith("model.")):
        found.add("architecture_bug")
    if field in LEAKS:
        found.add("data_leakage")
    if field in LABELS:
        found.add("label_mismatch")
    if field in ALSO:
        found.add(ALSO[field][0])
    return frozenset(found)
