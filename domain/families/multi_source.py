"""Runs on data of several sources: scenarios and experiments, see `domain.training.multi_source`."""

from __future__ import annotations

import numpy as np

from domain.diagnosis import PatchEntry
from domain.experiment import (
    LOG_TAIL_LINES,
    ExperimentMetrics,
    ExperimentRejectedError,
    ExperimentResult,
    SourceMetrics,
    SplitMetrics,
)
from domain.faults.compositions import HEALTHY, SEPARATOR, twin_of
from domain.grading.declarations import changes_of
from domain.grading.entries import patch_meant
from domain.grading.written_run import run_of
from domain.scenario import Accepted, CheckResult, Composition, Evidence, RunSummary, SafeField, Truth
from domain.training.artifacts.numbers import to_json, to_text
from domain.training.multi_source import artifacts, checks
from domain.training.multi_source.case import FAMILY, Case, Planted, State, draw_case, healthy_twin
from domain.training.multi_source.fit import log_loss
from domain.training.multi_source.measuring import measure
from domain.training.multi_source.pools import (
    COUNTS,
    DRAWN_ALONE,
    FAULTS,
    LOCAL_FAULTS,
    PAIRS,
    QUIET_FAULTS,
    draw_quiet,
)
from domain.training.multi_source.registry import UnknownFieldError, ValueOutsideFieldError, file_of
from domain.training.multi_source.reports import SCORING, draw_identity, render_log, render_reports
from domain.training.multi_source.rows import EARLIER_HISTORY
from domain.training.multi_source.run import NoRowsError, Run, simulate, simulate_again
from domain.training.multi_source.slices import render_slices
from domain.training.randomness import Stream
from domain.training.style import SeedSplit
from domain.types import ARTIFACT_NAMES, COMPOSED_TASK, ArtifactName, TaskId

MODEL, SEED = "mlp", "training.seed"
REPEATED = 7
"""Trainings of an experiment: the mean of them lies within half a point of that of many, one alone within 1.2 points."""


class UnknownSourceFaultError(LookupError):
    """The family has no such fault."""

    def __init__(self, fault_id: str) -> None:
        super().__init__(f"no fault of {FAMILY} is called {fault_id}")
        self.fault_id = fault_id


def draw_faults(task_id: TaskId, seed: int, fault: str | None) -> tuple[str, ...]:
    """The ids of what is planted.

    Args:
        seed: of the scenario.
        fault: named instead of drawn: an id, or two joined by ``+``; None: drawn.

    Raises:
        UnknownSourceFaultError: the family has no such fault, or the task never plants these together.
    """
    if fault is not None:
        named = () if fault == HEALTHY else tuple(sorted(fault.split(SEPARATOR)))
        if not can_plant(task_id, named):
            raise UnknownSourceFaultError(fault)
        return named
    draw = Stream(seed, "fault")
    if task_id != COMPOSED_TASK:
        return (draw.choice(DRAWN_ALONE),)
    return draw_quiet(draw)


def can_plant(task_id: TaskId, named: tuple[str, ...]) -> bool:
    """Whether a task can plant these: what it may draw."""
    if task_id != COMPOSED_TASK:
        return len(named) <= 1 and all(one in FAULTS for one in named)
    if len(named) <= 1:
        return all(one in QUIET_FAULTS for one in named)
    return any(set(named) == set(pair) and len(named) == len(pair) for pair in PAIRS)


def generate(
    task_id: TaskId, seed: int, *, fault: str | None, split: SeedSplit
) -> tuple[Evidence, Truth | Composition]:
    """Evidence and truth of a scenario; `seed` is that of the scenario (0 to 2^128 - 1)."""
    return present(_case(task_id, seed, fault, split), task_id)


def present(case: Case, task_id: TaskId) -> tuple[Evidence, Truth | Composition]:
    """Evidence and truth of a case, as a task shows and grades it."""
    return _evidence(case), _truth(case, task_id)


def draw_truth(task_id: TaskId, seed: int, *, fault: str | None, split: SeedSplit) -> Truth | Composition:
    """The truth that `generate` gives, without the training that the evidence takes."""
    return _truth(_case(task_id, seed, fault, split), task_id)


def _case(task_id: TaskId, seed: int, fault: str | None, split: SeedSplit) -> Case:
    is_twin, named = twin_of(fault)
    case = draw_case(seed, split, draw_faults(task_id, seed, named))
    return healthy_twin(case) if is_twin else case


def run_experiment(truth: Truth | Composition, patch: tuple[PatchEntry, ...], number: int) -> ExperimentResult:
    """Train the run again with a patch, several times; raises ``ExperimentRejectedError``."""
    state = State.from_json(truth.pipeline)
    try:
        changes = changes_of(state, patch_meant(run_of(truth), patch))
        draw = Stream(state.seed, f"experiment/{number}")
        # A training seed in the patch replaces those of the experiment.
        seeds = (None,) if SEED in changes else tuple(draw.integer(0, 99999) for _ in range(REPEATED))
        # The rows of each set are those of the recorded run: only what a training draws differs.
        runs = simulate_again(state.declaring(changes), seeds, state.declared[SEED])
    except UnknownFieldError as error:
        raise ExperimentRejectedError(
            "unknown_field", f"{error.file} has no field {error.field} that can be set"
        ) from error
    except ValueOutsideFieldError as error:
        raise ExperimentRejectedError("invalid_value", str(error)) from error
    except NoRowsError as error:
        raise ExperimentRejectedError("invalid_value", "the patch leaves no row to train on") from error
    return ExperimentResult(
        number=number,
        patch=patch,
        status="finished" if all(run.fit.stopped_at is None for run in runs) else "stopped",
        log_tail=_log_tail(runs, number),
        metrics=_metrics(runs),
    )


def _log_tail(runs: list[Run], number: int) -> tuple[str, ...]:
    """The last epochs of the first training, and what each of the trainings scored."""
    lines = render_log(runs[0], draw_identity(runs[0]), number=number).splitlines()
    tail = [line for line in lines if " epoch " in line and "loss=" in line]
    head = next(line for line in lines if SCORING in line).partition(SCORING)[0]
    scored = ", ".join(to_text(_accuracy(run, "validation")) for run in runs)
    times = f"{len(runs)} trainings with other seeds" if len(runs) > 1 else "1 training with this seed"
    return (*tail[1 - LOG_TAIL_LINES :], f"{head}{times}, metrics are means; val_acc of the checkpoints: {scored}")


def _metrics(runs: list[Run]) -> ExperimentMetrics:
    """Means over the trainings, which have the same rows in the same sets."""
    found = {}
    for place, name in enumerate(runs[0].state.layout.source_names):
        shares = []
        for kind in ("train", "validation"):
            own = runs[0].sets[kind].source == place
            right = [(run.predicted[kind] == run.sets[kind].label)[own].mean() for run in runs] if own.any() else []
            shares.append(to_json(float(np.mean(right))) if right else None)
        found[name] = SourceMetrics(train_accuracy=shares[0], validation_accuracy=shares[1])
    return ExperimentMetrics(train=_scores(runs, "train"), validation=_scores(runs, "validation"), by_source=found)


def _accuracy(run: Run, name: str) -> float:
    labels = run.sets[name].label
    return float((run.predicted[name] == labels).mean()) if len(labels) else float("nan")


def _scores(runs: list[Run], name: str) -> SplitMetrics:
    labels = runs[0].sets[name].label
    if not len(labels):
        return SplitMetrics(accuracy=None, loss=None)
    with np.errstate(all="ignore"):
        losses = [float(log_loss(run.fit.best.logits(run.features[name]), labels).mean()) for run in runs]
    accuracies = [_accuracy(run, name) for run in runs]
    return SplitMetrics(accuracy=to_json(sum(accuracies) / len(runs)), loss=to_json(sum(losses) / len(runs)))


def _evidence(case: Case) -> Evidence:
    run, previous = simulate(case.now), simulate(case.before, rows=EARLIER_HISTORY)
    found = measure(run)
    texts: dict[ArtifactName, str] = {
        **artifacts.render_declared(case),
        "model_card.json": artifacts.render_card(case.now),
        "data_slices.json": render_slices(run, found),
        **render_reports(run, previous),
    }
    status = "finished" if run.fit.stopped_at is None else "stopped"
    return Evidence(
        run_id=draw_identity(run).run_id,
        run_summary=RunSummary(model=MODEL, dataset=case.now.layout.dataset, status=status),
        artifacts={name: texts[name] for name in ARTIFACT_NAMES},
        checks={
            name: CheckResult(check=name, flag=None, reasons=None, measured=measured)
            for name, measured in checks.run_checks(run, found).items()
        },
    )


def _truth(case: Case, task_id: TaskId) -> Truth | Composition:
    faults = tuple(_truth_of(case, one) for one in case.planted)
    if task_id == COMPOSED_TASK:
        return Composition(faults=faults, pipeline=case.now.to_json(), twin=_repaired(case, case.planted))
    if not faults:
        return Truth(
            fault_id=HEALTHY,
            failure_category=None,
            root_cause_file=None,
            root_cause_field=None,
            proposed_fix=None,
            patch=(),
            accepted=Accepted(files=(), categories=(), fields=()),
            safe=(),
            pipeline=case.now.to_json(),
            twin=_repaired(case, ()),
        )
    return faults[0]


def _repaired(case: Case, planted: tuple[Planted, ...]) -> dict[str, object]:
    """What the run becomes by the repairs: they alone, since all else is as in what ran."""
    return {"family": FAMILY, "declared": {one.path: one.repair for one in planted}}


def _truth_of(case: Case, one: Planted) -> Truth:
    agreement, layout = one.agreement, case.now.layout
    also = agreement.also(layout, one.path)
    files = tuple(dict.fromkeys((agreement.file, *(file_of(path) for path in also))))
    shown = "null" if one.repair is None else one.repair
    return Truth(
        fault_id=agreement.fault_id,
        failure_category=agreement.category,
        root_cause_file=agreement.file,
        root_cause_field=one.path,
        proposed_fix=f"Set {one.path} to {shown}.",
        patch=(PatchEntry(file=agreement.file, field=one.path, value=one.repair),),
        accepted=Accepted(
            files=files, categories=(agreement.category, *agreement.also_categories), fields=(one.path, *also)
        ),
        safe=(SafeField(file=agreement.file, field=one.path),),
        pipeline=case.now.to_json(),
        twin=_repaired(case, (one,)),
    )


__all__ = [
    "COUNTS",
    "DRAWN_ALONE",
    "FAULTS",
    "LOCAL_FAULTS",
    "PAIRS",
    "QUIET_FAULTS",
    "UnknownSourceFaultError",
    "can_plant",
    "draw_faults",
    "draw_truth",
    "generate",
    "present",
    "run_experiment",
]
