"""The part of the domain that is slow or that judges, behind one seam: in this process, or in worker processes."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Callable, Coroutine, Protocol, Sequence, TypeVar

from domain.diagnosis import Diagnosis, PatchEntry
from domain.generator import GENERATOR_VERSION, generate
from domain.grade import Grade, Investigation, PatchVerdict
from domain.grader import read_fix, verify_patch
from domain.matching import Verdicts, grade_submission
from domain.registry import registry_json
from domain.rubric import RUBRIC, Rubric, rubric_of
from domain.scenario import Composition, Scenario, Truth
from domain.types import SplitName, TaskId

_Result = TypeVar("_Result")


class World(Protocol):
    """What the server asks of the generator and the grader."""

    @property
    def generator_version(self) -> str: ...

    def registry(self) -> list[dict[str, Any]]:
        """The wire form of ``field_registry``."""

    async def generate(
        self, task_id: TaskId, seed: int, *, fault: str | None = None, split: SplitName = "train"
    ) -> Scenario: ...

    def patch_to_verify(self, diagnosis: Diagnosis, truth: Truth) -> tuple[PatchEntry, ...]:
        """What a re-run has to judge; empty: nothing."""

    def verify(
        self, truth: Truth, patch: tuple[PatchEntry, ...], *, rubric: Rubric = RUBRIC
    ) -> Coroutine[Any, Any, PatchVerdict]: ...

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

    async def stop(self) -> None: ...


class InlineWorld:
    """Runs everything where it is called. For the command line and for tests."""

    generator_version: str = GENERATOR_VERSION

    def registry(self) -> list[dict[str, Any]]:
        return registry_json()

    async def generate(
        self, task_id: TaskId, seed: int, *, fault: str | None = None, split: SplitName = "train"
    ) -> Scenario:
        return generate(task_id, seed, fault=fault, split=split)

    def patch_to_verify(self, diagnosis: Diagnosis, truth: Truth) -> tuple[PatchEntry, ...]:
        return read_fix(diagnosis, truth).patch

    async def verify(self, truth: Truth, patch: tuple[PatchEntry, ...], *, rubric: Rubric = RUBRIC) -> PatchVerdict:
        return verify_patch(truth, patch, rubric=rubric)

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
        return grade_submission(diagnoses, truth, investigation, verdicts, task_id=task_id, rubric=rubric)

    async def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""


class PooledWorld(InlineWorld):
    """Generates and verifies in worker processes, so that the event loop only ever waits for them."""

    def __init__(self, workers: int, *, create_pool: Callable[[int], Executor] | None = None) -> None:
        self._workers = workers
        self._create_pool = create_pool or create_process_pool
        self._pool: Executor | None = None

    async def generate(
        self, task_id: TaskId, seed: int, *, fault: str | None = None, split: SplitName = "train"
    ) -> Scenario:
        # Bytes travel, not an object: one string is cheaper to send, and the digest is of these bytes.
        body = await self._run(_generate_body, task_id, seed, fault, split)
        return Scenario.model_validate_json(body)

    async def verify(self, truth: Truth, patch: tuple[PatchEntry, ...], *, rubric: Rubric = RUBRIC) -> PatchVerdict:
        return await self._run(_verify_under, truth, patch, rubric.version)

    async def start(self) -> None:
        self._pool = self._create_pool(self._workers)
        # The first task starts the processes, which takes longer than a generation: not while an agent waits.
        for _ in range(self._workers):
            self._pool.submit(os.getpid)

    async def stop(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await asyncio.to_thread(pool.shutdown, cancel_futures=True)

    async def _run(self, call: Callable[..., _Result], *arguments: Any) -> _Result:
        """Run in a worker. A worker that dies takes its pool along: replace the pool and ask once more."""
        loop = asyncio.get_running_loop()
        pool = self._pool
        try:
            return await loop.run_in_executor(pool, call, *arguments)
        except BrokenProcessPool:
            if self._pool is pool:
                self._pool = self._create_pool(self._workers)
            return await loop.run_in_executor(self._pool, call, *arguments)


def create_process_pool(workers: int) -> ProcessPoolExecutor:
    """Workers are spawned, because a fork copies the locks of the threads of this process."""
    # Read when a worker imports its numeric library: one run needs one core, and all workers share the rest.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_serve_the_server)


def _serve_the_server() -> None:
    """A worker yields to the server, leaves stopping to it, and never outlives it."""
    if hasattr(os, "nice"):
        os.nice(10)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A worker holds both ends of its queue, so it would wait for ever for a server that was killed.
    threading.Thread(target=_end_with_the_server, name="end-with-the-server", daemon=True).start()


def _end_with_the_server() -> None:
    server = multiprocessing.parent_process()
    if server is not None:
        server.join()
        os._exit(0)


def _verify_under(truth: Truth, patch: tuple[PatchEntry, ...], version: str) -> PatchVerdict:
    """A rubric cannot be sent to another process; its version can."""
    return verify_patch(truth, patch, rubric=rubric_of(version))


def _generate_body(task_id: TaskId, seed: int, fault: str | None, split: SplitName) -> bytes:
    return generate(task_id, seed, fault=fault, split=split).body
