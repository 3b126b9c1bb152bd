"""Which categories a fault accepts follows one rule, by where its mistake was made."""

from __future__ import annotations

import pytest

from domain.faults import CATALOGUE
from domain.faults.categories import ALSO, EVALUATION, EVALUATION_TOO, LABELS, LEAKS, NETWORK, accepted_categories
from domain.tasks.categories import CATEGORY_MEANING
from domain.training.multi_source.agreements import AGREEMENTS
from domain.types import FAILURE_CATEGORIES

FAULTS = [
    *((fault.fault_id, fault.file, fault.field, fault.category, fault.also_categories) for fault in CATALOGUE.values()),
    *((one.fault_id, one.file, one.pattern, one.category, one.also_categories) for one in AGREEMENTS),
]
FIELDS = {field for _, _, field, _, _ in FAULTS}


@pytest.mark.parametrize(("fault_id", "file", "field", "category", "also"), FAULTS)
def test_a_fault_accepts_what_the_rule_says_of_its_field(fault_id, file, field, category, also) -> None:
    assert {category, *also} == accepted_categories(file, field)
    assert len({category, *also}) == 1 + len(also) <= 3


def test_every_category_is_defined_in_one_sentence() -> None:
    assert tuple(CATEGORY_MEANING) == FAILURE_CATEGORIES
    assert all(meaning.endswith(".") and meaning.count(". ") == 0 for meaning in CATEGORY_MEANING.values())


def test_the_rule_names_only_fields_of_faults() -> None:
    assert (EVALUATION | EVALUATION_TOO | NETWORK | LEAKS | LABELS | set(ALSO)) <= FIELDS


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("scaler_missing_eval", "scaler_refit_eval"),
        ("unit_mismatch_eval", "tokenizer_version_drift"),
        ("unit_mismatch_eval", "feature_order_eval"),
        ("data_leakage_scaler", "feature_selection_leak"),
        ("data_leakage_scaler", "oversample_before_split"),
        ("eval_on_train", "val_loader_is_test"),
        ("bottleneck", "dropout_too_high"),
    ],
)
def test_alike_faults_accept_alike_categories(one: str, other: str) -> None:
    first, second = CATALOGUE[one], CATALOGUE[other]
    assert {first.category, *first.also_categories} == {second.category, *second.also_categories}
