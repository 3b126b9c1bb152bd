from __future__ import annotations

import pytest

from domain.diagnosis import Diagnosis, PatchEntry, PatchValue
from domain.fields.registry import REGISTRY
from domain.generator import generate
from domain.grade import Grade, Investigation, PatchVerdict
from domain.grading.scoring import MissingVerdictError, grade, read_fix, verify_patch
from domain.scenario import Scenario
from domain.types import FAILURE_CATEGORIES
from tests.domain.scenarios import FAULT_IDS, THOROUGH, planted
from tests.profiles import seeds


def _grade(scenario: Scenario, diagnosis: Diagnosis, investigation: Investigation = THOROUGH) -> Grade:
    patch = read_fix(diagnosis, scenario.truth).patch
    verdict = verify_patch(scenario.truth, patch) if patch else None
    return grade(diagnosis, scenario.truth, investigation, verdict, task_id=scenario.task_id)


def _answer(scenario: Scenario, **changes: object) -> Diagnosis:
    """The revealed truth, with changes."""
    revealed = scenario.truth.reveal()
    keys = ("failure_category", "root_cause_file", "root_cause_field", "proposed_fix")
    answer = {key: revealed[key] for key in keys} | {"patch": scenario.truth.patch} | changes
    return Diagnosis.model_validate(answer)


def _verdict(scenario: Scenario, *entries: tuple[str, str, PatchValue]) -> PatchVerdict:
    patch = tuple(PatchEntry(file=file, field=field, value=value) for file, field, value in entries)
    return verify_patch(scenario.truth, patch)


SEEDS = seeds(range(50))
LR = ("config.yaml", "optimizer.learning_rate")


@pytest.mark.parametrize("fault_id", FAULT_IDS)
def test_the_revealed_truth_scores_at_least_095(fault_id: str) -> None:
    scores = [_grade(planted(fault_id, seed), _answer(planted(fault_id, seed))).score for seed in SEEDS]
    print(f"{fault_id}: revealed truth scores {min(scores)} or more over {len(SEEDS)} seeds")
    assert min(scores) >= 0.95


@pytest.mark.parametrize("fault_id", FAULT_IDS)
def test_doing_nothing_as_a_patch_earns_nothing(fault_id: str) -> None:
    for seed in SEEDS:
        truth = planted(fault_id, seed).truth
        spec = next(one for one in REGISTRY if (one.file, one.field) == (truth.root_cause_file, truth.root_cause_field))
        assert spec.attribute is not None
        section, name = spec.attribute.split(".")
        present = spec.from_pipeline(truth.pipeline[section][name])
        assert verify_patch(truth, (PatchEntry(file=spec.file, field=spec.field, value=present),)).credit == 0.0


@pytest.mark.parametrize("fault_id", FAULT_IDS)
def test_an_empty_diagnosis_scores_the_floor(fault_id: str) -> None:
    assert _grade(planted(fault_id, 3), Diagnosis()).score == 0.01


def test_each_part_is_worth_its_points() -> None:
    scenario = planted("exploding_lr", 3)
    breakdown = _grade(scenario, _answer(scenario)).breakdown
    assert breakdown.failure_category.awarded == 0.15
    assert breakdown.root_cause_file.awarded == 0.25
    assert breakdown.root_cause_field.awarded == 0.30
    assert breakdown.proposed_fix.awarded == 0.30


def test_one_other_field_costs_more_than_half_and_two_cost_all() -> None:
    scenario = planted("exploding_lr", 3)

    def awarded(field: str) -> float:
        return _grade(scenario, _answer(scenario, root_cause_field=field)).breakdown.root_cause_field.awarded

    assert awarded("learning_rate or momentum") == pytest.approx(0.12)
    assert awarded("learning_rate, momentum, batch_size") == 0.0


def test_two_files_name_none() -> None:
    scenario = planted("exploding_lr", 3)
    answer = _answer(scenario, root_cause_file="config.yaml, preprocessing.py")
    assert _grade(scenario, answer).breakdown.root_cause_file.awarded == 0.0


def test_few_reads_cost_five_points() -> None:
    scenario = planted("exploding_lr", 3)
    hasty = THOROUGH.model_copy(update={"artifacts_read": ("config.yaml", "train.log")})
    grade_ = _grade(scenario, _answer(scenario), hasty)
    assert grade_.score == 0.95
    assert [(penalty.reason, penalty.amount) for penalty in grade_.breakdown.penalties] == [
        ("fewer than 3 artifacts read", -0.05)
    ]


def test_a_low_score_is_lowered_further_on_hard_only() -> None:
    hard = generate("hard", 3, fault="silent_metric_swap")
    answer = _answer(hard, proposed_fix=None, patch=None, root_cause_field=None)
    assert _grade(hard, answer).score == pytest.approx(0.40 - 0.15)
    easy = planted("exploding_lr", 3)
    answer = _answer(easy, proposed_fix=None, patch=None, root_cause_field=None)
    assert _grade(easy, answer).score == pytest.approx(0.40)


@pytest.mark.parametrize("confidence", [0.0, 0.3, 1.0])
def test_brier_is_the_squared_distance_to_being_right(confidence: float) -> None:
    scenario = planted("exploding_lr", 3)
    assert _grade(scenario, _answer(scenario, confidence=confidence)).brier == pytest.approx((confidence - 1) ** 2)
    missed = _answer(scenario, confidence=confidence, root_cause_field="optimizer.momentum")
    assert _grade(scenario, missed).brier == pytest.approx(confidence**2)
    assert _grade(scenario, _answer(scenario)).brier is None


def test_a_value_in_the_safe_range_repairs() -> None:
    scenario = planted("exploding_lr", 3)
    healthy = scenario.truth.twin["optimizer"]["learning_rate"]
    assert _verdict(scenario, (*LR, healthy / 2)).credit == 1.0


def test_a_value_outside_the_safe_range_is_run_again() -> None:
    scenario = planted("exploding_lr", 3)
    assert "Run again" in _verdict(scenario, (*LR, 5.0)).explanation
    assert _verdict(scenario, (*LR, 5.0)).credit == 0.0


def test_an_unneeded_second_entry_halves_the_credit() -> None:
    scenario = planted("exploding_lr", 3)
    assert _verdict(scenario, (*LR, 0.2), ("config.yaml", "training.epochs", 12)).credit == 0.5


def test_a_second_entry_that_breaks_the_run_earns_nothing() -> None:
    scenario = planted("exploding_lr", 3)
    assert _verdict(scenario, (*LR, 0.2), ("config.yaml", "model.hidden_units", 1)).credit == 0.0


@pytest.mark.parametrize(
    "entry",
    [
        ("config.yaml", "optimizer.momentum", 0.5),
        ("config.yaml", "optimizer.lr", 0.2),
        ("nowhere.yaml", "optimizer.learning_rate", 0.2),
        ("config.yaml", "optimizer.learning_rate", -1.0),
        ("config.yaml", "optimizer.learning_rate", "0.2"),
        ("train.log", "epoch.train_loss", 0.1),
    ],
)
def test_a_patch_that_does_not_touch_the_cause_earns_nothing(entry: tuple[str, str, PatchValue]) -> None:
    assert _verdict(planted("exploding_lr", 3), entry).credit == 0.0


def test_entries_that_contradict_each_other_earn_nothing() -> None:
    assert _verdict(planted("exploding_lr", 3), (*LR, 0.2), (*LR, 0.3)).credit == 0.0


def test_only_a_right_direction_earns_at_most_twenty_points() -> None:
    scenario = planted("exploding_lr", 3)
    assert (
        _grade(
            scenario, _answer(scenario, patch=None, proposed_fix="Lower the learning rate.")
        ).breakdown.proposed_fix.awarded
        == 0.20
    )
    assert (
        _grade(
            scenario, _answer(scenario, patch=None, proposed_fix="Raise the learning rate.")
        ).breakdown.proposed_fix.awarded
        == 0.0
    )


def test_a_fix_of_another_field_than_the_one_named_earns_at_most_twenty_points() -> None:
    scenario = planted("exploding_lr", 3)
    answer = _answer(scenario, root_cause_field="optimizer.momentum")
    assert _grade(scenario, answer).breakdown.proposed_fix.awarded == 0.20
    answer = _answer(scenario, root_cause_field=None)
    assert _grade(scenario, answer).breakdown.proposed_fix.awarded == 0.30


def test_a_patch_is_judged_instead_of_the_words() -> None:
    scenario = planted("exploding_lr", 3)
    wrong = PatchEntry(file="config.yaml", field="optimizer.momentum", value=0.5)
    assert _grade(scenario, _answer(scenario, patch=(wrong,))).breakdown.proposed_fix.awarded == 0.0


def test_grading_a_patch_without_a_verdict_is_an_error() -> None:
    scenario = planted("exploding_lr", 3)
    with pytest.raises(MissingVerdictError):
        grade(_answer(scenario), scenario.truth, THOROUGH, None, task_id="easy")


@pytest.mark.parametrize("category", FAILURE_CATEGORIES)
def test_only_accepted_categories_earn(category: str) -> None:
    scenario = planted("exploding_lr", 3)
    awarded = _grade(scenario, _answer(scenario, failure_category=category)).breakdown.failure_category.awarded
    assert awarded == (0.15 if category == "config_error" else 0.0)
