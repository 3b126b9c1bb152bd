"""Experiments on runs of one table: what they show, what they never show, and what is rejected."""

from __future__ import annotations

import pickle

import pytest

from domain.diagnosis import PatchEntry, PatchValue
from domain.experiment import LOG_TAIL_LINES, ExperimentRejectedError, ExperimentResult
from domain.families import UnknownFamilyError, experiment_outcome, family_of, run_experiment
from domain.families.single_table import training_seed
from domain.generator import generate
from domain.scenario import Composition, Truth
from domain.training.artifacts import draw_cosmetics, render_log
from domain.training.artifacts.numbers import to_json
from domain.training.pipeline import Pipeline
from domain.training.simulator import simulate


def entry(field: str, value: PatchValue, file: str = "config.yaml") -> PatchEntry:
    return PatchEntry(file=file, field=field, value=value)


def truth_of(fault: str) -> Truth:
    return generate("easy", 11, fault=fault).only_fault


EXPLODING = truth_of("exploding_lr")


def test_an_experiment_shows_what_a_run_with_another_training_seed_shows() -> None:
    result = run_experiment(EXPLODING, EXPLODING.patch, 1)
    pipeline = Pipeline.from_json(EXPLODING.twin)
    run = simulate(pipeline.with_value("training.seed", training_seed(pipeline.seed, 1)))
    assert (result.number, result.patch, result.status) == (1, EXPLODING.patch, "finished")
    assert result.log_tail == tuple(render_log(run, draw_cosmetics(pipeline.seed)).splitlines()[-LOG_TAIL_LINES:])
    assert result.metrics.validation.accuracy == to_json(run.m_val.accuracy)
    assert result.metrics.train.accuracy is not None
    assert result.metrics.by_source == {}


def test_the_same_scenario_patch_and_number_give_the_same_bytes_and_another_number_other_ones() -> None:
    truth = truth_of("none")
    first, again, second = (run_experiment(truth, (), number) for number in (1, 1, 2))
    assert first.model_dump_json() == again.model_dump_json()
    assert first.log_tail != second.log_tail


def test_a_training_seed_in_the_patch_replaces_that_of_the_experiment() -> None:
    truth = truth_of("none")
    patch = (entry("training.seed", 5),)
    assert run_experiment(truth, patch, 1).log_tail == run_experiment(truth, patch, 2).log_tail


def test_a_run_whose_loss_is_lost_is_stopped_and_its_lost_numbers_are_null() -> None:
    patch = (entry("optimizer.learning_rate", 1000), entry("optimizer.weight_decay", 100))
    result = run_experiment(truth_of("none"), patch, 1)
    assert (result.status, result.metrics.train.loss) == ("stopped", None)
    assert any("training stopped" in line for line in result.log_tail)
    assert ExperimentResult.model_validate_json(result.model_dump_json()) == result


def test_validation_is_never_what_the_run_calls_validation_while_it_scores_the_test_rows() -> None:
    pipeline = Pipeline.from_json(EXPLODING.twin).with_value("evaluation.val_accuracy_from", "test")
    truth = EXPLODING.model_copy(update={"pipeline": pipeline.to_json()})
    run = simulate(pipeline.with_value("training.seed", training_seed(pipeline.seed, 1)))
    assert run.reported_val != run.m_val
    assert run_experiment(truth, (), 1).metrics.validation.accuracy == to_json(run.m_val.accuracy)


@pytest.mark.parametrize(
    ("patch", "reason", "text"),
    [
        ((entry("optimizer.nope", 1),), "unknown_field", "config.yaml has no field optimizer.nope that can be set"),
        ((entry("epochs_run", 3, "eval_results.json"),), "unknown_field", "epochs_run that can be set"),
        ((entry("model.dropout", 3),), "invalid_value", "model.dropout takes a number from 0 to 0.99, not 3"),
        ((entry("training.epochs", True),), "invalid_value", "takes a whole number"),
        ((entry("model.dropout", 0.1), entry("model.dropout", 0.2)), "invalid_value", "two different values"),
        ((entry("training.epochs", 100), entry("training.batch_size", 1)), "invalid_value", "times the work"),
        ((entry("evaluate.val_loader", "test", "preprocessing.py"),), "invalid_value", "never scores the test rows"),
    ],
)
def test_a_patch_that_cannot_be_trained_with_is_rejected(patch: tuple[PatchEntry, ...], reason: str, text: str) -> None:
    with pytest.raises(ExperimentRejectedError, match=text) as rejected:
        run_experiment(EXPLODING, patch, 1)
    assert rejected.value.reason == reason
    outcome = experiment_outcome(EXPLODING, patch, 1)
    assert outcome.model_dump() == {"reason": reason, "text": str(rejected.value)}


def test_a_rejection_does_not_depend_on_the_twin() -> None:
    patch = (entry("training.epochs", 100), entry("training.batch_size", 1))
    long = Pipeline.from_json(EXPLODING.twin).with_value("training.epochs", 100).with_value("training.batch_size", 1)
    of_another_twin = EXPLODING.model_copy(update={"twin": long.to_json()})
    assert experiment_outcome(of_another_twin, patch, 1) == experiment_outcome(EXPLODING, patch, 1)


def test_a_rejection_can_be_sent_from_one_process_to_another() -> None:
    sent = pickle.loads(pickle.dumps(ExperimentRejectedError("invalid_value", "too much")))
    assert (sent.reason, sent.text, str(sent)) == ("invalid_value", "too much", "too much")


def test_an_experiment_where_several_faults_may_be_planted_trains_what_ran() -> None:
    truth = Composition(faults=(EXPLODING,), pipeline=EXPLODING.pipeline, twin=EXPLODING.twin)
    result = run_experiment(truth, (), 1)
    pipeline = Pipeline.from_json(truth.pipeline)
    run = simulate(pipeline.with_value("training.seed", training_seed(pipeline.seed, 1)))
    assert result.log_tail[-1] == render_log(run, draw_cosmetics(pipeline.seed)).splitlines()[-1]
    assert result.metrics.validation.loss == to_json(run.m_val.loss)


def test_a_pipeline_that_names_no_family_is_of_one_table() -> None:
    assert family_of(EXPLODING) == "single_table"
    unknown = EXPLODING.model_copy(update={"pipeline": {**EXPLODING.pipeline, "family": "forecasting"}})
    with pytest.raises(UnknownFamilyError, match="'forecasting'; this program knows single_table, multi_source"):
        family_of(unknown)


def test_a_training_seed_in_the_patch_counts_on_several_sources_as_well() -> None:
    truth = generate("hard", 3).truth
    patch = (PatchEntry(file="config.yaml", field="training.seed", value=11),)
    first, second = (run_experiment(truth, patch, number) for number in (1, 2))
    assert first.metrics == second.metrics
    assert run_experiment(truth, (), 1).metrics != run_experiment(truth, (), 2).metrics


@pytest.mark.parametrize(
    ("task_id", "written", "known"),
    [
        ("easy", ("config.yml", "LEARNING_RATE", "0.05"), ("config.yaml", "optimizer.learning_rate", 0.05)),
        ("hard", ("./train.py", "Loader.Shuffle", "true"), ("train.py", "loader.shuffle", True)),
    ],
)
def test_an_experiment_reads_its_patch_as_a_diagnosis_does(task_id, written, known) -> None:
    truth = generate(task_id, 3).truth
    as_written, as_known = (
        run_experiment(truth, (PatchEntry(file=one[0], field=one[1], value=one[2]),), 1) for one in (written, known)
    )
    assert as_written.metrics == as_known.metrics
    assert as_written.patch[0].field == written[1]
