"""Scenarios shared by the domain tests: each is generated once a session."""

from __future__ import annotations

from functools import cache

from domain.families.multi_source import draw_truth
from domain.faults import POOLS, Fault, find_fault
from domain.generator import GENERATOR_VERSION, HEALTHY, TWIN_OF, generate, observe_run, scenario_seed
from domain.grade import Investigation
from domain.scenario import Composition, Scenario, Truth
from domain.training.pipeline import Pipeline, draw_pipeline
from domain.training.randomness import Stream
from domain.training.simulator import simulate
from domain.types import TaskId

FAULT_IDS = tuple(sorted(fault_id for pool in POOLS.values() for fault_id in pool))
"""The faults of runs of one table that are planted today."""
THOROUGH = Investigation(
    artifacts_read=("config.yaml", "train.log", "preprocessing.py"),
    checks_run=(),
    duplicate_reads=0,
    refused=0,
    steps=4,
)


@cache
def planted(fault_id: str, seed: int) -> Scenario:
    """The scenario of a fault and seed, under the task the fault belongs to."""
    fault = find_fault(fault_id)
    return generate(fault.task_id, seed, fault=fault_id) if fault_id in FAULT_IDS else _as_stored(fault, seed)


def _as_stored(fault: Fault, seed: int) -> Scenario:
    """A run of one table with a fault that no task plants today: as stored runs have it."""
    own_seed = scenario_seed(fault.task_id, seed)
    pipeline = fault.twin(draw_pipeline(own_seed))
    *_, value = fault.severities(pipeline, Stream(own_seed, f"fault/{fault.fault_id}"))
    return Scenario(
        generator_version=GENERATOR_VERSION,
        task_id=fault.task_id,
        seed=seed,
        evidence=observe_run(simulate(fault.plant(pipeline, value))),
        truth=fault.truth(pipeline, value),
    )


@cache
def twin(fault_id: str, seed: int) -> Scenario:
    """The same task and seed without the fault."""
    return generate(find_fault(fault_id).task_id, seed, fault=TWIN_OF + fault_id)


@cache
def healthy(task_id: TaskId, seed: int) -> Scenario:
    """A healthy run of a task."""
    return generate(task_id, seed, fault=HEALTHY)


@cache
def truth_of(task_id: TaskId, seed: int, fault: str | None = None) -> Truth | Composition:
    """The truth of a run of several sources, without the trainings that its evidence takes."""
    return draw_truth(task_id, scenario_seed(task_id, seed, "train"), fault=fault, split="train")


def healthy_pipeline(fault_id: str, seed: int) -> Pipeline:
    """The pipeline that the fault is planted in."""
    return find_fault(fault_id).twin(draw_pipeline(scenario_seed(find_fault(fault_id).task_id, seed)))
