"""Workers: the same scenarios and verdicts as in this process, and a worker that dies is replaced."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool

import pytest

from server.worker_process import THREAD_VARIABLES
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


async def test_only_the_environment_of_a_worker_is_bound_to_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    before = dict(os.environ)
    world = PooledWorld(1)
    await world.start()
    seen = [await world._run(os.getenv, name) for name in THREAD_VARIABLES]
    await world.stop()
    assert seen == ["1"] * len(THREAD_VARIABLES)
    assert dict(os.environ) == before


def test_a_worker_begins_before_a_numeric_library_is_imported() -> None:
    code = "import sys, server.cli, server.worker_process; print('numpy' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "False\n"


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
