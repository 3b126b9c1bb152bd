"""Worker processes bind themselves to one core; the process that starts them keeps its environment."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import time

import pytest

from server.scenarios.worker_process import THREAD_VARIABLES
from server.scenarios.workers import Workers


async def test_only_the_environment_of_a_worker_is_bound_to_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    before = dict(os.environ)
    workers = Workers(1, timeout_seconds=60)
    workers.start()
    seen = [await workers.run(os.getenv, name) for name in THREAD_VARIABLES]
    await workers.stop()
    assert seen == ["1"] * len(THREAD_VARIABLES)
    assert dict(os.environ) == before


async def test_ctrl_c_does_not_reach_a_worker_from_its_first_instruction_on() -> None:
    workers = Workers(1, timeout_seconds=60)
    workers.start()
    assert signal.SIGINT in await workers.run(signal.pthread_sigmask, signal.SIG_BLOCK, ())
    await workers.stop()


async def test_a_call_whose_caller_is_gone_is_not_reported_when_its_worker_is_stopped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    workers = Workers(1, timeout_seconds=60)
    workers.start()
    await workers.run(os.getpid)
    caller = asyncio.create_task(workers.run(time.sleep, 60))
    await asyncio.sleep(0)
    caller.cancel()
    await workers.stop()
    await asyncio.wait([caller])
    del caller
    await asyncio.sleep(0)
    gc.collect()
    assert [record for record in caplog.records if record.name == "asyncio"] == []


def test_a_worker_begins_before_a_numeric_library_is_imported() -> None:
    code = "import sys, server.cli, server.scenarios.workers; print('numpy' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "False\n"


INTERRUPTED_AT_THE_START = """
import os, signal
from server.scenarios.simulation import create_process_pool
from server.scenarios.worker_process import UninterruptedProcess

start = UninterruptedProcess.start

def start_and_press_ctrl_c(self):
    start(self)
    signal.raise_signal(signal.SIGINT)

UninterruptedProcess.start = start_and_press_ctrl_c
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    with create_process_pool(1) as pool:
        pool.submit(os.getpid)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_a_pool_that_ctrl_c_ends_waits_for_the_process_that_was_just_started() -> None:
    code = [sys.executable, "-c", INTERRUPTED_AT_THE_START]
    ran = subprocess.run(code, capture_output=True, text=True, timeout=60, check=True)
    assert (ran.stdout, ran.stderr) == ("interrupted\n", "")
