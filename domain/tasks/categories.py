"""The six categories of failures, each in one sentence, by where the mistake was made."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from domain.types import FailureCategory

CATEGORY_MEANING: Mapping[FailureCategory, str] = MappingProxyType(
    {
        "config_error": "A setting in config.yaml or train.py that steers the run has a harmful value.",
        "data_leakage": "Rows or values that belong to the evaluation, or become known only later, reach what is trained, "
        "fitted or selected.",
        "preprocessing_bug": "The data are declared, read, split or turned into features wrongly, in data_sources.yaml or "
        "preprocessing.py.",
        "label_mismatch": "Labels, class codes or the order of the classes do not belong to the rows or outputs they are used "
        "for.",
        "evaluation_bug": "A step of the evaluation is wrong: its rows, its checkpoint, its mode, how it prepares its rows or "
        "what it reports.",
        "architecture_bug": "The network or its loss is wrong: its layers, outputs, initial weights, dropout or what the loss "
        "computes.",
    }
)
"""A mistake of which two sentences are true counts under both."""
