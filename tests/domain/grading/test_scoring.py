from __future__ import annotations

import pytest

from domain.diagnosis import Diagnosis, PatchEntry, PatchValue
from domain.fields.registry import REGISTRY
from domain.generator import generate
from domain.grade import VERDICT_TEXT, Grade, Investigation, PatchVerdict
from domain.grading.scoring import MissingVerdictError, grade, read_fix, verify_patch
from domain.rubric import rubric_of
from domain.scenario import SafeField, Scenario
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


def test_another_value_of_the_right_field_is_judged_by_running_again() -> None:
    scenario = planted("exploding_lr", 3)
    healthy = scenario.truth.twin["optimizer"]["learning_rate"]
    for value, credit in ((healthy * 1.1, 1.0), (5.0, 0.0)):
        verdict = _verdict(scenario, (*LR, value))
        assert verdict.explanation.startswith("Run again with the patch: ")
        assert verdict.credit == credit


def test_no_value_is_known_to_repair_without_a_run_where_several_may() -> None:
    for fault_id in FAULT_IDS:
        for safe in planted(fault_id, 3).only_fault.safe:
            assert safe.is_exact or (safe.low, safe.high) == (None, None), fault_id


@pytest.mark.parametrize(
    ("fault_id", "field", "value"),
    [
        ("missing_output_unit", "model.num_classes", 9),
        ("unit_mismatch_eval", "unit_scale", 0.99),
        ("eval_on_train", "evaluate.test_loader", "val"),
        ("feature_order_eval", "feature_columns.order", "sorted"),
    ],
)
def test_where_a_fault_rests_on_one_exact_value_no_other_repairs(fault_id: str, field: str, value: PatchValue) -> None:
    scenario = planted(fault_id, 3)
    (entry,) = scenario.only_fault.patch
    verdict = _verdict(scenario, (entry.file, field, value))
    assert verdict.credit == 0.0
    assert verdict.explanation in (VERDICT_TEXT["exact"], VERDICT_TEXT["unchanged"])


def test_no_dropout_repairs_an_evaluation_in_training_mode() -> None:
    for seed in range(4):
        verdict = _verdict(planted("eval_dropout_on", seed), ("config.yaml", "model.dropout", 0.0))
        assert verdict.explanation.startswith("Run again with the patch: ")
        assert verdict.credit == 1.0


def test_a_smaller_learning_rate_repairs_a_momentum_too_high_where_the_run_shows_it() -> None:
    def credit(seed: int) -> float:
        scenario = planted("wrong_optimizer", seed)
        return _verdict(scenario, (*LR, scenario.truth.pipeline["optimizer"]["learning_rate"] / 10)).credit

    assert credit(3) == 1.0
    assert credit(0) == 0.0


def test_under_the_first_rubric_a_declared_range_repairs_without_a_run() -> None:
    scenario = planted("exploding_lr", 3)
    healthy = scenario.truth.twin["optimizer"]["learning_rate"]
    ranged = SafeField(file="config.yaml", field="optimizer.learning_rate", low=healthy / 2, high=healthy * 2)
    truth = scenario.only_fault.model_copy(update={"safe": (ranged,)})
    patch = (PatchEntry(file=LR[0], field=LR[1], value=healthy * 1.1),)
    assert verify_patch(truth, patch, rubric=rubric_of("1")).explanation == VERDICT_TEXT["safe"]
    assert verify_patch(truth, patch).explanation.startswith("Run again with the patch: ")


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
