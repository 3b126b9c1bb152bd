"""Episodes in flight while the server cannot be reached."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest

from mlops_debug_env.agents.registry import agent_maker
from mlops_debug_env.runner.agents import agents_made_by
from mlops_debug_env.runner.observers import CompositeObserver
from mlops_debug_env.runner.run_setup import RunRequest, create_run, header_of
from mlops_debug_env.runner.suite_runner import MAX_CONSECUTIVE_FAILURES, Stop, SuiteRun
from mlops_debug_env.transport.async_client import DebugClient
from tests.client.runner.running import (
    COMMAND,
    LOOKING_SECONDS,
    MAX_SECONDS,
    command_in_process,
    results,
    without_names,
)
from tests.e2e.running import ServerProcess, environment

NOTHING_LISTENS = "http://127.0.0.1:1"
EPISODES = 2 * MAX_CONSECUTIVE_FAILURES


async def play_without_a_server(folder: Path, *, concurrency: int) -> tuple[Stop | None, int]:
    """How the run ended, and how many episodes failed."""
    header = header_of(RunRequest(agent="nop", entries=EPISODES), {})
    with create_run(folder, header, {}) as run:
        suite_run = SuiteRun(
            run,
            create_agent=agents_made_by(agent_maker("nop"), base_url=NOTHING_LISTENS, api_key=None),
            open_client=lambda key: DebugClient(NOTHING_LISTENS, session_key=key, max_retries=0),
            observer=CompositeObserver([]),
            concurrency=concurrency,
        )
        return await suite_run.play(), suite_run.failures


async def test_episodes_in_flight_share_one_outage(tmp_path: Path) -> None:
    assert await play_without_a_server(tmp_path / "r", concurrency=EPISODES) == (None, EPISODES)


async def test_outages_one_after_another_end_the_run(tmp_path: Path) -> None:
    stop, failures = await play_without_a_server(tmp_path / "r", concurrency=1)
    assert stop is not None
    assert (stop.reason, failures) == ("failures", MAX_CONSECUTIVE_FAILURES)


@pytest.mark.slow
def test_a_run_goes_on_when_the_server_that_was_killed_is_back(own_server: ServerProcess, tmp_path: Path) -> None:
    asked = ("run", "--agent", "random", "--entries", "12", "--trials", "3", "--url", own_server.url, "--json")
    interrupted, turns = tmp_path / "r", tmp_path / "r" / "turns.jsonl"
    with subprocess.Popen([*COMMAND, *asked, "--out", str(interrupted)], env=environment()) as playing:
        while playing.poll() is None and not (turns.is_file() and turns.read_bytes().count(b"\n") > 20):
            with contextlib.suppress(subprocess.TimeoutExpired):
                playing.wait(LOOKING_SECONDS)
        assert playing.poll() is None
        own_server.kill()
        own_server.start()
        assert playing.wait(MAX_SECONDS) == 0
    assert command_in_process(*asked, "--out", str(tmp_path / "whole")).returncode == 0
    assert without_names(results(interrupted)) == without_names(results(tmp_path / "whole"))
