"""Workers: the same scenarios and verdicts as in this process, and a worker that dies is replaced."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool

import pytest

from server.world import InlineWorld, PooledWorld


@pytest.fixture
async def pooled() -> AsyncIterator[PooledWorld]:
    world = PooledWorld(1)
    await world.start()
    yield world
    await world.stop()


async def test_a_worker_generates_and_verifies_as_this_process_does(pooled: PooledWorld) -> None:
    inline = InlineWorld()
    scenario = await pooled.generate("medium", 11)
    assert scenario == await inline.generate("medium", 11)
    assert scenario.digest == (await inline.generate("medium", 11)).digest
    verdict = await pooled.verify(scenario.truth, scenario.truth.patch)
    assert verdict == await inline.verify(scenario.truth, scenario.truth.patch)
    assert verdict.credit == 1.0


async def test_a_worker_that_dies_is_replaced_and_asked_again(pooled: PooledWorld) -> None:
    with pytest.raises(BrokenProcessPool):
        await pooled._run(os._exit, 1)
    assert (await pooled.generate("easy", 12)).seed == 12


async def test_what_a_worker_raises_reaches_the_caller() -> None:
    class Failing(Executor):
        def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
            failed: Future[None] = Future()
            failed.set_exception(ZeroDivisionError())
            return failed

    world = PooledWorld(1, create_pool=lambda _: Failing())
    await world.start()
    with pytest.raises(ZeroDivisionError):
        await world.generate("easy", 1)
    await world.stop()
