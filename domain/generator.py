"""One seed to one scenario: draws the pipeline, plants the fault, runs the training and collects evidence and truth."""

from __future__ import annotations

from domain.families import multi_source
from domain.faults import POOLS, Fault, find_fault
from domain.faults.compositions import HEALTHY, SEPARATOR, TWIN_OF, twin_of
from domain.scenario import Accepted, CheckResult, Evidence, RunSummary, Scenario, Truth
from domain.training import checks
from domain.training.artifacts import draw_cosmetics, render_artifacts
from domain.training.frame import Frame
from domain.training.pipeline import FieldValue, Pipeline, draw_pipeline
from domain.training.randomness import Stream
from domain.training.simulator import TrainingRun, draw_raw, simulate
from domain.training.style import SeedSplit
from domain.types import TaskId

__all__ = [
    "GENERATOR_VERSION",
    "HEALTHY",
    "TWIN_OF",
    "can_plant",
    "generate",
    "observe_run",
    "planted_fault",
    "scenario_seed",
]

GENERATOR_VERSION = "5"
OF_SEVERAL_SOURCES: tuple[TaskId, ...] = ("hard", "expert")
"""Tasks whose runs are of the family ``multi_source``; the others are of ``single_table``."""


def generate(task_id: TaskId, seed: int, *, fault: str | None = None, split: SeedSplit = "train") -> Scenario:
    """The scenario of a seed.

    Args:
        task_id: whose pool of faults to draw from.
        seed: 0 to 2^128 - 1.
        fault: plant this one instead of drawing; ``none`` gives the healthy twin of what would be drawn, ``none:bottleneck`` that of
            this fault. On the task of none, one or two faults ``one+other`` plants both.
        split: whose themes, names and spellings the files are written in. The same seed in another split is another scenario.

    Raises:
        UnknownFaultError: the catalogue has no such fault.
    """
    own_seed = scenario_seed(task_id, seed, split)
    if task_id in OF_SEVERAL_SOURCES:
        evidence, truth = multi_source.generate(task_id, own_seed, fault=fault, split=split)
        return Scenario(generator_version=GENERATOR_VERSION, task_id=task_id, seed=seed, evidence=evidence, truth=truth)
    healthy = draw_pipeline(own_seed, split)
    is_twin, named = twin_of(fault)
    chosen = find_fault(Stream(own_seed, "fault").choice(POOLS[task_id]) if named is None else named)
    healthy = chosen.twin(healthy)
    if is_twin:
        return _scenario(task_id, seed, simulate(healthy), _healthy_truth(healthy))
    value, run = _plant(chosen, healthy, draw_raw(healthy), Stream(own_seed, f"fault/{chosen.fault_id}"))
    return _scenario(task_id, seed, run, chosen.truth(healthy, value))


def planted_fault(task_id: TaskId, seed: int, split: SeedSplit = "train") -> str:
    """What `generate` plants for a seed, without running anything: an id, two joined by ``+``, or ``none``."""
    own_seed = scenario_seed(task_id, seed, split)
    if task_id in OF_SEVERAL_SOURCES:
        return SEPARATOR.join(multi_source.draw_faults(task_id, own_seed, None)) or HEALTHY
    return Stream(own_seed, "fault").choice(POOLS[task_id])


def can_plant(task_id: TaskId, fault: str) -> bool:
    """Whether a task can plant this: an id, on expert also two joined by ``+``, or ``none``."""
    if task_id not in OF_SEVERAL_SOURCES:
        return fault in POOLS[task_id]
    return fault == HEALTHY or multi_source.can_plant(task_id, tuple(fault.split(SEPARATOR)))


def _scenario(task_id: TaskId, seed: int, run: TrainingRun, truth: Truth) -> Scenario:
    return Scenario(
        generator_version=GENERATOR_VERSION, task_id=task_id, seed=seed, evidence=observe_run(run), truth=truth
    )


def scenario_seed(task_id: TaskId, seed: int, split: SeedSplit = "train") -> int:
    """What all streams of a scenario start from (128 bits): the same seed on two tasks shares nothing, not even the data."""
    name = f"task/{task_id}" if split == "train" else f"task/{task_id}/{split}"
    high, low = (int(word) for word in Stream(seed, name).raw(2))
    return (high << 64) | low


def observe_run(run: TrainingRun) -> Evidence:
    """All that can be found out about a run."""
    stopped = run.fit.non_finite_step is not None
    return Evidence.model_validate(
        {
            "run_id": draw_cosmetics(run.pipeline.seed).run_id,
            "run_summary": RunSummary(
                model="mlp", dataset=run.pipeline.dataset.name, status="stopped" if stopped else "finished"
            ),
            "artifacts": render_artifacts(run),
            "checks": {name: CheckResult.model_validate(result) for name, result in checks.run_checks(run).items()},
        }
    )


def _plant(fault: Fault, healthy: Pipeline, raw: Frame, draw: Stream) -> tuple[FieldValue, TrainingRun]:
    """Plant the first severity that a check notices, else the last; a seed is never rejected for a weak symptom."""
    *weaker, last = fault.severities(healthy, draw)
    if weaker:
        usual = checks.clearly_unusual(simulate(healthy, raw=raw))
        for value in weaker:
            run = simulate(fault.plant(healthy, value), raw=raw)
            if checks.clearly_unusual(run) - usual:
                return value, run
    return last, simulate(fault.plant(healthy, last), raw=raw)


def _healthy_truth(healthy: Pipeline) -> Truth:
    body = healthy.to_json()
    return Truth(
        fault_id=HEALTHY,
        failure_category=None,
        root_cause_file=None,
        root_cause_field=None,
        proposed_fix=None,
        patch=(),
        accepted=Accepted(files=(), categories=(), fields=()),
        safe=(),
        pipeline=body,
        twin=body,
    )
