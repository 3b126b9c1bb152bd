"""Work beside the event loop ends with its caller, and may call coroutines of the loop that it was started from."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from domain.diagnosis import Diagnosis, PatchEntry
from domain.rubric import RUBRIC, Rubric
from domain.scenario import Truth
from server.settings import Settings
from server.threads import OnOtherLoop, run_on_own_loop
from tests.hand_made import REPAIR, HandMadeSimulation
from tests.served import serving


@pytest.fixture
def thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1)


async def test_a_coroutine_runs_in_the_thread_and_calls_the_loop_that_started_it(thread: ThreadPoolExecutor) -> None:
    here, server = threading.get_ident(), OnOtherLoop(asyncio.get_running_loop())

    async def thread_number() -> int:
        return threading.get_ident()

    async def work() -> tuple[int, int]:
        return threading.get_ident(), await server.call(thread_number())

    own, called = await run_on_own_loop(thread, work)
    assert (own == here, called == here) == (False, True)


async def test_errors_are_raised_where_the_work_is_awaited(thread: ThreadPoolExecutor) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run_on_own_loop(thread, fail)


async def test_cancelling_ends_the_work_also_while_it_waits_for_the_loop_that_started_it(
    thread: ThreadPoolExecutor,
) -> None:
    server, has_begun, ended = OnOtherLoop(asyncio.get_running_loop()), asyncio.Event(), threading.Event()

    async def never() -> None:
        has_begun.set()
        await asyncio.Event().wait()

    async def work() -> None:
        try:
            await server.call(never())
        finally:
            ended.set()

    task = asyncio.create_task(run_on_own_loop(thread, work))
    await has_begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_work_that_is_cancelled_before_its_turn_is_never_begun(thread: ThreadPoolExecutor) -> None:
    may_end, begun = threading.Event(), []
    first = asyncio.get_running_loop().run_in_executor(thread, may_end.wait)

    async def work() -> None:
        begun.append(1)

    task = asyncio.create_task(run_on_own_loop(thread, work))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    may_end.set()
    await first
    await asyncio.get_running_loop().run_in_executor(thread, int)
    assert begun == []


class NamingThreads(HandMadeSimulation):
    """Records the thread in which each diagnosis is read."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[str] = []

    def patch_to_verify(self, diagnosis: Diagnosis, truth: Truth, *, rubric: Rubric = RUBRIC) -> tuple[PatchEntry, ...]:
        self.threads.append(threading.current_thread().name)
        return super().patch_to_verify(diagnosis, truth, rubric=rubric)


@pytest.mark.parametrize(
    ("said", "is_on_loop"),
    [
        ({"proposed_fix": "Fit the scaler on the training rows only."}, False),
        ({"root_cause_field": "the field " * 20}, False),
        ({"patch": [REPAIR.model_dump()], "proposed_fix": "Fit the scaler on the training rows only."}, False),
        ({"patch": [REPAIR.model_dump()]}, True),
        ({"edits": [{"file": "config.yaml", "find": "a: 1", "replace": "a: 2"}]}, False),
        ({"root_cause_field": REPAIR.field}, False),
    ],
)
async def test_only_a_patch_alone_is_read_on_the_event_loop(
    settings: Settings, said: dict[str, Any], is_on_loop: bool
) -> None:
    simulation = NamingThreads()
    async with serving(settings, simulation=simulation) as served:
        await served.reset(episode_id="e")
        await served.step("e", {"action_type": "submit_diagnosis", **said})
    loop = threading.current_thread().name
    assert [name == loop for name in simulation.threads] == [is_on_loop]
