"""Experiments on runs of one table and a small network, see `domain.training`."""

from __future__ import annotations

from domain.diagnosis import PatchEntry
from domain.experiment import (
    LOG_TAIL_LINES,
    ExperimentMetrics,
    ExperimentRejectedError,
    ExperimentResult,
    SplitMetrics,
)
from domain.fields.field import ValueOutsideFieldError
from domain.fields.registry import UnknownFieldError
from domain.grading.entries import patch_meant
from domain.grading.scoring import MAX_COST_RATIO, ContradictionError, changed_values, training_cost
from domain.grading.written_run import run_of
from domain.scenario import Composition, Truth
from domain.training import tabular
from domain.training.artifacts import draw_cosmetics, render_log
from domain.training.artifacts.numbers import to_json
from domain.training.pipeline import FieldValue, Pipeline
from domain.training.randomness import Stream
from domain.training.simulator import TrainingRun, simulate

_USUAL = {"training.epochs": 12, "training.batch_size": 48}
"""The longest training of usual settings: a run that was stopped short may be trained longer than ten times its own length."""
_TEST_ROWS = ("preprocessing.val_rows", "test")
"""Watching the test rows would show how the network does on them."""


def run_experiment(truth: Truth | Composition, patch: tuple[PatchEntry, ...], number: int) -> ExperimentResult:
    """Train the run again with a patch; raises ``ExperimentRejectedError``."""
    original = Pipeline.from_json(truth.pipeline)
    pipeline = original.with_value("training.seed", training_seed(original.seed, number))
    meant = patch_meant(run_of(truth), patch)
    for name, value in _changes(meant).items():
        pipeline = pipeline.with_value(name, value)
    _check_cost(pipeline, original)
    run = simulate(pipeline)
    return ExperimentResult(
        number=number,
        patch=patch,
        status="finished" if run.fit.non_finite_step is None else "stopped",
        log_tail=tuple(render_log(run, draw_cosmetics(pipeline.seed)).splitlines()[-LOG_TAIL_LINES:]),
        metrics=_metrics(run),
    )


def training_seed(seed: int, number: int) -> int:
    """The training seed of an experiment, of the pipeline's seed and the experiment's number."""
    return Stream(seed, f"experiment/{number}").integer(0, 99999)


def _changes(patch: tuple[PatchEntry, ...]) -> dict[str, FieldValue]:
    """Pipeline path to new value. A training seed in the patch replaces that of the experiment."""
    try:
        changes = changed_values(patch)
    except UnknownFieldError as error:
        raise ExperimentRejectedError(
            "unknown_field", f"{error.file} has no field {error.field} that can be set"
        ) from error
    except (ValueOutsideFieldError, ContradictionError) as error:
        raise ExperimentRejectedError("invalid_value", str(error)) from error
    if _TEST_ROWS in changes.items():
        raise ExperimentRejectedError("invalid_value", "an experiment never scores the test rows")
    return changes


def _check_cost(patched: Pipeline, original: Pipeline) -> None:
    # By what can be read of the run, and not by its twin: a limit that depends on the fault would tell of it.
    usual = original
    for name, value in _USUAL.items():
        usual = usual.with_value(name, value)
    times = training_cost(patched) / max(training_cost(original), training_cost(usual))
    if times > MAX_COST_RATIO:
        raise ExperimentRejectedError(
            "invalid_value",
            f"the training would take {times:.0f} times the work of the run, {MAX_COST_RATIO:.0f} at most",
        )


def _metrics(run: TrainingRun) -> ExperimentMetrics:
    return ExperimentMetrics(
        train=_shown(tabular.score(run.network, *run.train)),
        # Of the validation rows, also where the results would give the test's as the validation's.
        validation=_shown(run.m_val),
        by_source={},
    )


def _shown(metrics: tabular.Metrics) -> SplitMetrics:
    return SplitMetrics(accuracy=to_json(metrics.accuracy), loss=to_json(metrics.loss))
