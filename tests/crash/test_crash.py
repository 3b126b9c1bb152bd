"""A server that is killed at any moment loses nothing that it acknowledged."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.crash.agents import Played
from tests.crash.harness import Account, _compare, crash
from tests.e2e.playing import Episode, Json, open_client
from tests.e2e.running import ServerProcess, environment

READ: Json = {"action_type": "read_config"}


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "kills"), [("sqlite", 10), ("postgres", 3)])
def test_nothing_acknowledged_is_lost_by_kills(database_url: str, kills: int, tmp_path: Path) -> None:
    child = environment(MLOPS_DEBUG_DATABASE_URL=database_url, MLOPS_DEBUG_GENERATOR_PROCESSES="1")
    server = ServerProcess(tmp_path, child_environment=child, database_argument=False)
    server.start()
    try:
        account = asyncio.run(crash(server, kills=kills, seed=20300101))
    finally:
        server.kill()
    print(account.summary())
    assert account.lost == []
    assert account.kills == kills
    assert account.acknowledged > 12 * kills
    assert account.continued > 0


@pytest.mark.parametrize("missing", ["tail", "middle", "hash", "all"])
def test_the_accounts_would_show_a_loss(missing: str) -> None:
    played = Played("e", {}, answered=3, hashes={1: "aa" * 32, 2: "bb" * 32})
    events = [event(version, digest) for version, digest in enumerate(("aa", "bb", "cc"), start=1)]
    account = Account()
    kept = {"tail": events[:2], "middle": [events[0], events[2]], "hash": [*events[:1], event(2, "dd")], "all": []}
    _compare(played, kept[missing], account)
    assert any("version" in each and "hash" not in each.split("version")[0] for each in account.lost)


def event(version: int, digest: str) -> Json:
    """As the server lists it; the chain does not verify, which is not what is looked for here."""
    return {
        "stream_id": "e",
        "version": version,
        "position": version,
        "kind": "read",
        "schema_version": 1,
        "recorded_at": "2030-01-01T00:00:00.000Z",
        "actor": "agent",
        "request_id": f"e-{version}",
        "payload": None,
        "payload_digest": "00" * 32,
        "prev_hash": "00" * 32,
        "hash": digest * 32,
    }


@pytest.mark.strace
@pytest.mark.skipif(shutil.which("strace") is None, reason="counts flushes with strace, which is not installed")
def test_every_batch_is_flushed_to_the_disk_and_a_batch_is_flushed_once(tmp_path: Path) -> None:
    """A killed process does not test the disk: the system keeps what was written. A flush does."""
    trace = tmp_path / "trace.txt"
    command = ("strace", "-f", "-y", "-e", "trace=fsync,fdatasync", "-o", str(trace), sys.executable, "-m", "server")
    server = ServerProcess(tmp_path, command=command)
    server.start()
    try:
        with open_client(server.url) as http:
            begun = [Episode(http, task_id="hard", seed=1) for _ in range(32)]
            before = flushes(trace)
            for _ in range(30):
                begun[0].play(READ)
            alone = flushes(trace) - before
            before = flushes(trace)
            with ThreadPoolExecutor(32) as threads:
                list(threads.map(lambda each: [each.play(READ) for _ in range(5)], begun))
            together = flushes(trace) - before
    finally:
        server.kill()  # strace passes no SIGTERM on
    print(f"30 steps one by one: {alone} flushes; 160 steps of 32 clients: {together} flushes")
    assert alone >= 30
    assert 1 <= together < 160


def flushes(trace: Path) -> int:
    return len(re.findall(r"sync\(\d+<[^>]*-wal>", trace.read_text()))


def test_the_command_says_how_it_is_used() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "tests.crash", "--help"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--kills" in shown.stdout
