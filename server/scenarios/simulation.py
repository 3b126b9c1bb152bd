"""Runs scenario generation, patch verification, experiments and grading, in this process or in a process pool."""

from __future__ import annotations

from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any, Callable, Coroutine, ParamSpec, Protocol, Sequence, TypeVar

from domain.diagnosis import Diagnosis, PatchEntry
from domain.experiment import ExperimentOutcome
from domain.families import experiment_outcome, registry_of
from domain.generator import GENERATOR_VERSION, generate
from domain.grade import Grade, Investigation, PatchVerdict
from domain.grader import grade_diagnoses, read_fix, verify_patch
from domain.grading.matching import Verdicts
from domain.rubric import RUBRIC, Rubric, rubric_of
from domain.scenario import Composition, Scenario, Truth
from domain.types import SplitName, TaskId
from mlops_debug_env.commands.interrupts import CtrlC
from server.scenarios.fair_queue import FairQueue
from server.scenarios.requester import REQUESTER
from server.scenarios.worker_process import SPAWNED, configure_worker
from server.scenarios.workers import Workers

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


class Simulation(Protocol):
    """The operations of the generator and the grader that the server needs."""

    @property
    def generator_version(self) -> str: ...

    def registry(self, family: str) -> list[dict[str, Any]]:
        """The wire form of ``field_registry`` for the runs of a family."""

    async def generate(
        self, task_id: TaskId, seed: int, *, fault: str | None = None, split: SplitName = "train"
    ) -> Scenario: ...

    def patch_to_verify(self, diagnosis: Diagnosis, truth: Truth, *, rubric: Rubric = RUBRIC) -> tuple[PatchEntry, ...]:
        """The patch that a training run has to judge; empty: none."""

    def verify(
        self, truth: Truth, patch: tuple[PatchEntry, ...], *, rubric: Rubric = RUBRIC
    ) -> Coroutine[Any, Any, PatchVerdict]: ...

    def experiment(
        self, truth: Truth | Composition, patch: tuple[PatchEntry, ...], number: int
    ) -> Coroutine[Any, Any, ExperimentOutcome]: ...

    def grade(
        self,
        diagnoses: Sequence[Diagnosis],
        truth: Truth | Composition,
        investigation: Investigation,
        verdicts: Verdicts,
        *,
        task_id: TaskId,
        rubric: Rubric = RUBRIC,
    ) -> Grade: ...

    async def start(self) -> None: ...

    async def ready(self) -> None:
        """Wait until the first worker can run a call."""

    async def stop(self) -> None: ...


class InProcessSimulation:
    """Runs everything where it is called. For the command line and for tests."""

    generator_version: str = GENERATOR_VERSION

    def registry(self, family: str) -> list[dict[str, Any]]:
        return registry_of(family)

    async def generate(
        self, task_id: TaskId, seed: int, *, fault: str | None = None, split: SplitName = "train"
    ) -> Scenario:
        return generate(task_id, seed, fault=fault, split=split)

    def patch_to_verify(self, diagnosis: Diagnosis, truth: Truth, *, rubric: Rubric = RUBRIC) -> tuple[PatchEntry, ...]:
        return read_fix(diagnosis, truth, rubric).patch

    async def verify(self, truth: Truth, patch: tuple[PatchEntry, ...], *, rubric: Rubric = RUBRIC) -> PatchVerdict:
        return verify_patch(truth, patch, rubric=rubric)

    async def experiment(
        self, truth: Truth | Composition, patch: tuple[PatchEntry, ...], number: int
    ) -> ExperimentOutcome:
        return experiment_outcome(truth, patch, number)

    def grade(
        self,
        diagnoses: Sequence[Diagnosis],
        truth: Truth | Composition,
        investigation: Investigation,
        verdicts: Verdicts,
        *,
        task_id: TaskId,
        rubric: Rubric = RUBRIC,
    ) -> Grade:
        return grade_diagnoses(diagnoses, truth, investigation, verdicts, task_id=task_id, rubric=rubric)

    async def start(self) -> None:
        """Nothing to start."""

    async def ready(self) -> None:
        """Nothing to wait for."""

    async def stop(self) -> None:
        """Nothing to stop."""


class PooledSimulation(InProcessSimulation):
    """Generates, verifies and experiments in worker processes, so that the event loop only ever waits for them."""

    def __init__(self, workers: int, *, timeout_seconds: float) -> None:
        self.workers = Workers(workers, timeout_seconds=timeout_seconds)

    async def generate(
        self, task_id: TaskId, seed: int, *, fault: str | None = None, split: SplitName = "train"
    ) -> Scenario:
        # Bytes are sent, not an object: pickling is cheaper, and the digest is of these bytes.
        body = await self.workers.run(_generate_body, task_id, seed, fault, split)
        return Scenario.model_validate_json(body)

    async def verify(self, truth: Truth, patch: tuple[PatchEntry, ...], *, rubric: Rubric = RUBRIC) -> PatchVerdict:
        return await self.workers.run(_verify_under, truth, patch, rubric.version)

    async def experiment(
        self, truth: Truth | Composition, patch: tuple[PatchEntry, ...], number: int
    ) -> ExperimentOutcome:
        return await self.workers.run(experiment_outcome, truth, patch, number)

    async def start(self) -> None:
        self.workers.start(_warm)

    async def ready(self) -> None:
        await self.workers.ready()

    async def stop(self) -> None:
        await self.workers.stop()


class QueuedSimulation:
    """Wraps a simulation so that its slow calls wait for a slot of the queue."""

    def __init__(self, simulation: Simulation, queue: FairQueue) -> None:
        self._simulation = simulation
        self._queue = queue
        self.registry = simulation.registry
        self.patch_to_verify = simulation.patch_to_verify
        self.grade = simulation.grade
        self.start, self.ready, self.stop = simulation.start, simulation.ready, simulation.stop

    @property
    def generator_version(self) -> str:
        return self._simulation.generator_version

    async def generate(
        self, task_id: TaskId, seed: int, *, fault: str | None = None, split: SplitName = "train"
    ) -> Scenario:
        async with self._queue.slot(REQUESTER.get()):
            return await self._simulation.generate(task_id, seed, fault=fault, split=split)

    async def verify(self, truth: Truth, patch: tuple[PatchEntry, ...], *, rubric: Rubric = RUBRIC) -> PatchVerdict:
        async with self._queue.slot(REQUESTER.get()):
            return await self._simulation.verify(truth, patch, rubric=rubric)

    async def experiment(
        self, truth: Truth | Composition, patch: tuple[PatchEntry, ...], number: int
    ) -> ExperimentOutcome:
        async with self._queue.slot(REQUESTER.get()):
            return await self._simulation.experiment(truth, patch, number)


class _ProcessPool(ProcessPoolExecutor):
    """Ctrl-C waits while a process is started and noted: the pool would not wait for the end of one that is not noted."""

    def submit(
        self, work: Callable[_Given, _Result], /, *args: _Given.args, **options: _Given.kwargs
    ) -> Future[_Result]:
        with CtrlC().waiting():
            return super().submit(work, *args, **options)


def create_process_pool(workers: int) -> ProcessPoolExecutor:
    """A pool of worker processes that end with this one."""
    return _ProcessPool(workers, mp_context=SPAWNED, initializer=configure_worker)


def _warm() -> None:
    """Does nothing; unpickling the call makes a worker import this module and with it the generator."""


def _verify_under(truth: Truth, patch: tuple[PatchEntry, ...], version: str) -> PatchVerdict:
    """A rubric cannot be sent to another process; its version can."""
    return verify_patch(truth, patch, rubric=rubric_of(version))


def _generate_body(task_id: TaskId, seed: int, fault: str | None, split: SplitName) -> bytes:
    return generate(task_id, seed, fault=fault, split=split).body
