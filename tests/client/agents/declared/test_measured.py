"""What checks, reports and details contradict: the planted declaration comes first, and its healthy twin contradicts nothing."""

from __future__ import annotations

import json

import pytest

from domain.episode.observation import EvidenceView
from domain.generator import generate
from domain.training.multi_source.agreements import KEPT_TOLERANCE
from mlops_debug_env.agents.declared.checks import PREVIOUS, RESULTS, STATISTICS, Checks
from mlops_debug_env.agents.declared.labels import late_labels
from mlops_debug_env.agents.declared.measured import clues_of_checks
from mlops_debug_env.agents.declared.reading import Declared, parse_report, read_declarations
from mlops_debug_env.agents.declared.rows import batches, split_of_rows
from mlops_debug_env.agents.declared.shares import KEPT
from mlops_debug_env.agents.declared.suspicion import Suspicion, strongest
from tests.domain.scenarios import truth_of

TEXTS = ("config.yaml", "data_sources.yaml", "preprocessing.py", "train.py")
SEED = 7_300
DECIDED = (
    "class_dropping_join",
    "class_weight_order",
    "day_month_exchanged",
    "evaluation_rows_in_training",
    "exchanged_label_codes",
    "feature_updated_after_outcome",
    "immature_labels",
    "label_encoder_mismatch",
    "loss_over_padding",
    "row_multiplying_join",
    "scaler_default_changed",
    "sentinel_impute",
    "shuffle_off_sorted",
    "silent_metric_swap",
    "test_from_one_source",
    "tokenizer_version_drift",
    "vocabulary_default_changed",
)
"""Faults that measurements and a declaration decide between them."""


def _found(fault: str) -> list[Suspicion]:
    evidence = generate("hard", SEED, fault=fault).evidence
    view = EvidenceView(evidence)
    declared = read_declarations({name: view.shown_text(name) for name in TEXTS})  # type: ignore[arg-type]
    measured = {str(check): result.measured for check, result in evidence.checks.items()}
    measured |= {name: parse_report(evidence.artifacts[name]) for name in (STATISTICS, RESULTS)}  # type: ignore[index]
    measured |= json.loads(evidence.artifacts["data_slices.json"])["blocks"]
    return strongest(clues_of_checks(declared, Checks(measured)))


@pytest.mark.parametrize("fault", DECIDED)
def test_the_planted_declaration_is_contradicted_most(fault: str) -> None:
    planted = truth_of("hard", SEED, fault).planted[0]
    assert _found(fault)[0].path == planted.root_cause_field
    assert _found(fault)[0].strength > 1.0


@pytest.mark.parametrize("fault", DECIDED)
def test_the_healthy_twin_contradicts_nothing(fault: str) -> None:
    assert all(suspicion.strength < 1.0 for suspicion in _found(f"none:{fault}"))


THINNED: dict[str, dict[str, object]] = {
    STATISTICS: {"classes": ["a", "b"]},
    "mill.labels": {"codes": [[90, 10], [30, 270]], "last_month": [[40, 0], [0, 40]], "by_month": []},
    "quay.labels": {"codes": [[270, 30], [30, 270]], "last_month": [[40, 0], [0, 40]], "by_month": []},
}
"""Of one of two sources, the first class is rarer than at the other and in the last month."""


@pytest.mark.parametrize(("before", "is_stronger"), [(300, True), (100, False)])
def test_rows_that_became_rarer_since_the_last_good_run_are_thinned_the_likelier(
    before: int, is_stronger: bool
) -> None:
    declared = Declared(
        facts={f"sources.{name}.label_map": "m1" for name in ("mill", "quay")},
        sources=("mill", "quay"),
        label_maps={"m1": ("a", "b")},
    )
    measured = dict(THINNED)
    alone = _strength_of_thinning(declared, measured)
    measured[PREVIOUS] = {"sources": {"mill": {"classes": {"a": before, "b": 300}}}}
    assert (_strength_of_thinning(declared, measured) > alone > 0.0) is is_stronger


@pytest.mark.parametrize(("before", "is_stronger"), [(100, True), (25, False)])
def test_where_the_declared_share_changed_rows_that_did_not_follow_are_thinned_the_likelier(
    before: int, is_stronger: bool
) -> None:
    declared = Declared(
        facts={f"sources.{name}.label_map": "m1" for name in ("mill", "quay")},
        sources=("mill", "quay"),
        label_maps={"m1": ("a", "b")},
        changed={"sources.mill.majority_kept": 0.25},
    )
    measured = dict(THINNED)
    alone = _strength_of_thinning(declared, measured)
    measured[PREVIOUS] = {"sources": {"mill": {"classes": {"a": before, "b": 300}}}}
    assert (_strength_of_thinning(declared, measured) > alone > 0.0) is is_stronger


def _strength_of_thinning(declared: Declared, measured: dict[str, dict[str, object]]) -> float:
    found = strongest(clues_of_checks(declared, Checks(measured)))
    return next(each.strength for each in found if each.path == "sources.mill.majority_kept")


@pytest.mark.parametrize("hundredths", range(15, 41))
def test_a_share_that_was_measured_exactly_is_answered_within_the_tolerance(hundredths: int) -> None:
    kept = hundredths / 100
    answer = min(KEPT[1], max(KEPT[0], kept))
    assert 1.0 / KEPT_TOLERANCE <= kept / answer <= KEPT_TOLERANCE


def test_a_movement_that_no_drift_explains_says_nothing_of_the_split() -> None:
    declared = Declared(facts={"split.by": "random", "split.groups": "customer"})

    def strength(movement: float) -> float:
        (found,) = split_of_rows(declared, Checks({"all.movement": {"class_mean_movement": movement}}))
        return found.strength

    assert strength(6.0) > 1.0 > strength(2.0) > strength(200_000.0) == 0.0


@pytest.mark.parametrize(("fall", "is_likely"), [(0.0, False), (0.3, True)])
def test_labels_went_wrong_only_where_the_model_looks_worse_at_the_source(fall: float, is_likely: bool) -> None:
    months = tuple(f"2025-{month:02d}" for month in range(1, 13))
    declared = Declared(
        facts={f"sources.{name}.label_map": "m1" for name in ("mill", "quay", "weir")},
        sources=("mill", "quay", "weir"),
        months=months,
        label_maps={"m1": ("a", "b")},
    )
    right = [[300, 30], [30, 300]]
    series = [0.9] * 6 + [0.68] * 5 + [None]
    block = {"codes": right, "last_month": [[40, 4], [4, 40]], "by_month": series}

    def report(fall: float) -> dict[str, object]:
        accuracy = {"mill": 0.9 - fall, "quay": 0.9, "weir": 0.9}
        return {"accuracy_by_source": {name: {"validation": one} for name, one in accuracy.items()}}

    measured = {STATISTICS: {"classes": ["a", "b"]}, "mill.labels": block, PREVIOUS: report(0.0), RESULTS: report(fall)}
    found = [each for each in late_labels(declared, Checks(measured)) if each.path == "sources.mill.used_until"]
    assert (max(each.strength for each in found) > 0.85) is is_likely


@pytest.mark.parametrize(("movement", "is_suspected"), [(1.5, False), (2.6, True)])
def test_class_means_that_move_more_than_chance_make_a_random_split_wrong(movement: float, is_suspected: bool) -> None:
    declared = Declared(facts={"split.by": "random", "split.groups": "customer"})
    (found,) = split_of_rows(declared, Checks({"all.movement": {"class_mean_movement": movement}}))
    assert (found.strength > 1.0) is is_suspected


@pytest.mark.parametrize(("entropy", "is_suspected"), [(0.97, False), (0.8, True)])
def test_batches_that_are_less_mixed_than_chance_make_an_order_wrong(entropy: float, is_suspected: bool) -> None:
    declared = Declared(facts={"loader.shuffle": False})
    (found,) = batches(declared, Checks({"train.batches": {"arrival_label_entropy": entropy}}))
    assert (found.strength > 1.0) is is_suspected
