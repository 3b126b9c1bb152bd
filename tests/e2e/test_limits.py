"""Limits and a full disk, on a server process."""

from __future__ import annotations

import base64
import os
import resource
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.e2e.playing import Json, accepted, assert_problem, error_of, open_client, open_socket
from tests.e2e.running import ServerProcess, environment

DEADLINE_SECONDS = 20.0


@contextmanager
def running(directory: Path, **settings: str) -> Iterator[ServerProcess]:
    process = ServerProcess(directory, child_environment=environment(**settings))
    process.start()
    try:
        yield process
    finally:
        process.stop()


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it did not become so in time"
        time.sleep(0.02)


def deaf_socket(server: ServerProcess, path: str) -> socket.socket:
    """A WebSocket whose client never answers a ping, as one whose network is gone."""
    connection = socket.create_connection(("127.0.0.1", server.port))
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert connection.recv(12) == b"HTTP/1.1 101"
    return connection


def test_a_half_open_socket_is_reaped_and_its_episode_stays(tmp_path: Path) -> None:
    pings = {"MLOPS_DEBUG_PING_SECONDS": "0.2", "MLOPS_DEBUG_PING_TIMEOUT_SECONDS": "0.2"}
    with running(tmp_path, **pings) as server, open_client(server.url) as http:
        accepted(http.post("/sessions/k/reset", json={"seed": 5, "episode_id": "e"}))
        with deaf_socket(server, "/sessions/k/ws"):
            wait_until(lambda: accepted(http.get("/ready"))["open_sockets"] == 1)
            wait_until(lambda: accepted(http.get("/ready"))["open_sockets"] == 0)
        with open_socket(f"ws://127.0.0.1:{server.port}/sessions/k/ws") as ws:
            assert ws.observe("step", action_type="read_config")["metadata"]["version"] == 2


def test_a_socket_that_answers_pings_is_left_alone(tmp_path: Path) -> None:
    pings = {"MLOPS_DEBUG_PING_SECONDS": "0.1", "MLOPS_DEBUG_PING_TIMEOUT_SECONDS": "5"}
    with running(tmp_path, **pings) as server, open_socket(server.socket_url) as ws:
        ws.observe("reset", seed=5)
        seen = time.monotonic() + 0.5
        wait_until(lambda: time.monotonic() > seen)
        assert ws.observe("step", action_type="read_config")["metadata"]["version"] == 2


def test_a_socket_too_many_is_reported_and_the_others_stay(tmp_path: Path) -> None:
    with running(tmp_path, MLOPS_DEBUG_SOCKET_LIMIT="1") as server, open_socket(server.socket_url) as ws:
        ws.observe("reset", seed=5)
        with open_socket(server.socket_url) as other:
            assert error_of(other.receive())["code"] == "CAPACITY_REACHED"
        assert ws.observe("step", action_type="read_config")["metadata"]["version"] == 2


def test_steps_beyond_the_rate_limit_are_refused_also_with_a_forwarded_header(tmp_path: Path) -> None:
    with running(tmp_path, MLOPS_DEBUG_STEPS_PER_SECOND="1") as server, open_client(server.url) as http:
        accepted(http.post("/reset", json={"seed": 5, "episode_id": "e"}))
        body: Json = {"episode_id": "e", "action": {"action_type": "read_config"}}
        answers = [http.post("/step", json=body, headers={"X-Forwarded-For": f"10.0.0.{n}"}) for n in range(8)]
        refused = [each for each in answers if each.status_code != 200]
        assert refused
        for each in refused:
            assert_problem(each, 429, "too_many_steps")
            assert each.headers["retry-after"] == "1"
        state = accepted(http.get("/state", params={"episode_id": "e"}))
        assert state["step_count"] == len(answers) - len(refused)


def test_an_idle_episode_is_closed_by_the_running_server(tmp_path: Path) -> None:
    with running(tmp_path, MLOPS_DEBUG_IDLE_SECONDS="0.5") as server, open_client(server.url) as http:
        accepted(http.post("/reset", json={"seed": 5, "episode_id": "e"}))
        wait_until(lambda: bool(accepted(http.get("/state", params={"episode_id": "e"}))["done"]))
        assert http.get("/episodes/e/events").json()[-1]["payload"] == {"reason": "idle"}


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")
def test_a_full_disk_is_reported_and_served_again_when_there_is_room(own_server: ServerProcess) -> None:
    with open_client(own_server.url) as http:
        accepted(http.post("/reset", json={"seed": 5, "episode_id": "e"}))
        wal = own_server.database.with_name(own_server.database.name + "-wal")
        limit_file_size(own_server, wal.stat().st_size + 4096)
        refused, acknowledged = until_refused(http)
        assert_problem(refused, 503, "store_unavailable")
        assert refused.headers["retry-after"] == "1"
        assert accepted(http.get("/health"))["status"] == "healthy"
        assert_problem(http.get("/ready"), 503, "not_ready")
        assert accepted(http.get("/state", params={"episode_id": "e"}))["step_count"] == acknowledged
        limit_file_size(own_server, resource.RLIM_INFINITY)
        on = accepted(http.post("/step", json={"episode_id": "e", "action": {"action_type": "read_logs"}}))
        assert on["info"]["step_count"] == acknowledged + 1
        assert accepted(http.get("/ready"))["status"] == "ready"
    own_server.kill()
    own_server.start()
    with open_client(own_server.url) as http:
        assert accepted(http.get("/state", params={"episode_id": "e"}))["step_count"] == acknowledged + 1


def until_refused(http: httpx.Client) -> tuple[httpx.Response, int]:
    for n in range(19):
        response = http.post("/step", json={"episode_id": "e", "action": {"action_type": "read_logs"}})
        if response.status_code != 200:
            return response, n
    raise AssertionError("the disk took everything")


def limit_file_size(server: ServerProcess, limit_bytes: int) -> None:
    """What a full disk does to a process, for one process: no file of it grows any further."""
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (limit_bytes, resource.RLIM_INFINITY))


def abandon_reset(server: ServerProcess) -> None:
    """Ask for a fresh scenario, and go away."""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"POST /reset HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}")


def test_abandoned_resets_are_dropped_before_they_are_generated(tmp_path: Path) -> None:
    abandoned = 300
    with running(tmp_path, MLOPS_DEBUG_GENERATOR_PROCESSES="1") as server, open_client(server.url) as http:
        accepted(http.post("/reset", json={}))
        for _ in range(abandoned):
            abandon_reset(server)
        accepted(http.post("/reset", json={}))
        kept = [line for line in http.get("/metrics").text.splitlines() if not line.startswith("#")]
        measured = dict(line.rsplit(" ", 1) for line in kept)
        assert float(measured["mlops_debug_generation_queue"]) == 0
        assert float(measured['mlops_debug_events_total{kind="reset"}']) < abandoned / 2


def test_an_idle_server_generates_ahead_and_hands_out_what_it_has(tmp_path: Path) -> None:
    def measured(http: httpx.Client, name: str) -> float:
        (line,) = [each for each in http.get("/metrics").text.splitlines() if each.startswith(f"mlops_debug_{name}")]
        return float(line.split()[-1])

    with running(tmp_path, MLOPS_DEBUG_RESERVE="1") as server, open_client(server.url) as http:
        wait_until(lambda: measured(http, "reserve_size") == 4)
        accepted(http.post("/reset", json={"task_id": "hard"}))
        assert measured(http, 'cache_lookups_total{cache="reserve",result="hit"}') == 1
        wait_until(lambda: measured(http, "reserve_size") == 4)
