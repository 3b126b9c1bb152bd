"""Servers of tests: forked or started, they run where and as they are asked to, and end with the same codes."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.e2e.preloaded import ForkedServer
from tests.e2e.running import ServerProcess, environment


def test_a_server_runs_where_and_with_the_settings_that_are_asked_for(tmp_path: Path) -> None:
    settings = environment(MLOPS_DEBUG_ACCESS_LOG="true")
    server = ServerProcess(tmp_path, child_environment=settings, log_level="info")
    server.start()
    try:
        assert Path(f"/proc/{server.pid}/cwd").resolve() == tmp_path.resolve()
    finally:
        server.stop()
    assert "/health" in server.output


@pytest.mark.parametrize(("option", "code"), [("--help", 0), ("--unknown", 2)])
def test_a_forked_server_ends_with_the_code_of_the_command(tmp_path: Path, option: str, code: int) -> None:
    with (tmp_path / "log").open("wb") as log:
        forked = ForkedServer(["serve", option], environment(), str(tmp_path), log)
    assert forked.wait(30.0) == code
    assert option.strip("-") in (tmp_path / "log").read_text()


def test_a_server_that_is_killed_ends_with_the_signal(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    server.start()
    process = server._process
    assert process is not None
    server.kill()
    assert process.returncode == -signal.SIGKILL
