"""Worker processes: one that dies or times out is replaced, and its call is retried or refused in a retryable way."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from server.scenarios.simulation import InProcessSimulation, PooledSimulation
from server.scenarios.workers import WorkerLostError, Workers, WorkerTimeoutError
from server.settings import Settings
from tests.served import assert_problem, serving
from tests.server.dying import die_until

LONG = 60.0


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    made = Workers(1, timeout_seconds=LONG)
    made.start()
    await made.ready()
    yield made
    await made.stop()


async def test_a_call_whose_worker_dies_is_asked_again(workers: Workers, tmp_path: Path) -> None:
    first = workers.pids()
    assert [await workers.run(die_until, str(tmp_path / "once"), 1)] == workers.pids() != first


async def test_a_call_whose_worker_dies_twice_is_refused_and_the_next_is_answered(
    workers: Workers, tmp_path: Path
) -> None:
    with pytest.raises(WorkerLostError):
        await workers.run(die_until, str(tmp_path / "twice"), 2)
    assert await workers.run(abs, -1) == 1


async def test_a_worker_that_was_killed_while_idle_costs_no_call(workers: Workers) -> None:
    for _ in range(3):
        os.kill(workers.pids()[0], signal.SIGKILL)
        assert await workers.run(abs, -1) == 1


async def test_a_worker_that_hangs_is_ended_and_replaced() -> None:
    workers = Workers(1, timeout_seconds=0.05)
    workers._all[0]._timeout = LONG  # for the first import
    workers.start()
    await workers.ready()
    workers._all[0]._timeout = 0.05
    hung = workers.pids()[0]
    with pytest.raises(WorkerTimeoutError):
        await workers.run(time.sleep, 1_000)
    with pytest.raises(ProcessLookupError):
        os.kill(hung, 0)
    workers._all[0]._timeout = LONG
    assert await workers.run(abs, -1) == 1
    await workers.stop()


async def test_what_a_worker_raises_reaches_the_caller_and_the_worker_stays(workers: Workers) -> None:
    first = workers.pids()
    with pytest.raises(ZeroDivisionError) as raised:
        await workers.run(divmod, 1, 0)
    assert "In a worker" in raised.value.__notes__[0]
    assert workers.pids() == first


async def test_a_caller_that_goes_away_does_not_mix_up_the_answers(workers: Workers) -> None:
    gone = asyncio.create_task(workers.run(abs, -1))
    await asyncio.sleep(0)
    gone.cancel()
    assert await asyncio.gather(*(workers.run(abs, -number) for number in range(2, 20))) == list(range(2, 20))


async def test_stopping_ends_a_worker_in_the_middle_of_a_call() -> None:
    workers = Workers(1, timeout_seconds=LONG)
    workers.start()
    await workers.ready()
    running = asyncio.create_task(workers.run(time.sleep, 1_000))
    await asyncio.sleep(0)
    await workers.stop()
    with pytest.raises(WorkerLostError):
        await running
    assert workers.pids() == []


async def test_a_worker_generates_and_verifies_as_this_process_does() -> None:
    inline, pooled = InProcessSimulation(), PooledSimulation(1, timeout_seconds=LONG)
    await pooled.start()
    scenario = await pooled.generate("medium", 11)
    assert scenario == await inline.generate("medium", 11)
    assert scenario.digest == (await inline.generate("medium", 11)).digest
    verdict = await pooled.verify(scenario.truth, scenario.truth.patch)
    assert verdict == await inline.verify(scenario.truth, scenario.truth.patch)
    for patch in (scenario.truth.patch, (scenario.truth.patch[0].model_copy(update={"field": "no.such"}),)):
        assert await pooled.experiment(scenario.truth, patch, 2) == await inline.experiment(scenario.truth, patch, 2)
    assert verdict.credit == 1.0
    await pooled.stop()


async def test_no_reset_fails_while_generators_are_killed_except_with_a_retryable_503(settings: Settings) -> None:
    simulation = PooledSimulation(2, timeout_seconds=LONG)

    async def kill(times: int) -> None:
        for _ in range(times):
            for pid in simulation.workers.pids():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await served.client.get("/health")

    async with serving(settings, simulation=simulation) as served:
        asked = [asyncio.create_task(served.client.post("/reset", json={})) for _ in range(40)]
        await simulation.ready()
        await kill(3)
        answers = await asyncio.gather(*asked)
        for answer in answers:
            if answer.status_code != 200:
                assert_problem(answer, 503, "generator_unavailable")
        await served.reset()


async def test_a_generator_that_hangs_is_reported_as_a_retryable_503_over_every_transport(settings: Settings) -> None:
    class Hanging(InProcessSimulation):
        async def generate(self, *_: object, **__: object):  # type: ignore[no-untyped-def]
            raise WorkerTimeoutError("worker 1 took longer than 60 seconds")

    async with serving(settings, simulation=Hanging()) as served:
        assert_problem(await served.client.post("/reset", json={}), 503, "generator_unavailable")
        async with served.socket() as socket:
            answer = (await socket.say({"type": "reset"}))["data"]
            assert (answer["code"], answer["problem"]["code"]) == ("CAPACITY_REACHED", "generator_unavailable")
            assert answer["retry_after_seconds"] >= 1
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "reset", "arguments": {}}}
        answer = (await served.client.post("/sessions/k/mcp", json=call)).json()["result"]
        assert (answer["isError"], answer["structuredContent"]["code"]) == (True, "generator_unavailable")
