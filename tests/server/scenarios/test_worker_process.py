"""Worker processes bind themselves to one core; the process that starts them keeps its environment."""

from __future__ import annotations

import os
import subprocess
import sys

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


def test_a_worker_begins_before_a_numeric_library_is_imported() -> None:
    code = "import sys, server.cli, server.scenarios.workers; print('numpy' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "False\n"
