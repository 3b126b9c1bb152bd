"""Operation: metrics, JSON logs, graceful stop, backup under load, and doctor."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.e2e.playing import REFUSED_QUERY, Episode, open_client, open_socket
from tests.e2e.running import ServerProcess, environment, run_command_in_process

SECRET = "sk-this-must-not-be-logged"


@pytest.fixture
def logging_server(tmp_path: Path) -> Iterator[ServerProcess]:
    settings = {"MLOPS_DEBUG_LOG_FORMAT": "json", "MLOPS_DEBUG_ACCESS_LOG": "true", "MLOPS_DEBUG_LOG_LEVEL": "info"}
    process = ServerProcess(tmp_path, child_environment=environment(**settings), log_level="info")
    process.start()
    yield process
    process.stop()


def measured(http: httpx.Client) -> dict[str, float]:
    text = http.get("/metrics").text
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_the_measurements_count_what_was_played(own_server: ServerProcess) -> None:
    with open_client(own_server.url) as http:
        episode = Episode(http, seed=5)
        for _ in range(3):
            episode.step("read_config")
        http.get("/nowhere")
        found = measured(http)
        assert found["mlops_debug_steps_total"] == 3
        assert found['mlops_debug_events_total{kind="reset"}'] == 1
        assert found['mlops_debug_requests_total{method="POST",operation="step",status="200"}'] == 3
        assert found['mlops_debug_requests_total{method="other",operation="none",status="404"}'] == 1
        assert found["mlops_debug_open_episodes"] == 1
        assert found["mlops_debug_queue_depth"] == 0
        assert found["mlops_debug_batch_size_sum"] == found["mlops_debug_commit_seconds_count"] == 4
        assert found["mlops_debug_commit_seconds_sum"] > 0
        assert found["mlops_debug_generation_seconds_count"] == 1
        assert found['mlops_debug_cache_lookups_total{cache="scenarios",result="hit"}'] >= 3
        with open_socket(own_server.socket_url) as socket:
            socket.ask("reset")
            assert measured(http)["mlops_debug_open_sockets"] == 1


def test_paths_do_not_multiply_the_measurements(server: ServerProcess) -> None:
    with open_client(server.url) as http:
        before = len(measured(http))
        for number in range(50):
            http.get(f"/episodes/e-{number}/state")
            http.get(f"/nowhere/{number}")
            http.request(f"VERB{number}", "/nowhere")
        assert len(measured(http)) - before < 10


def test_the_log_is_json_and_names_request_and_episode_but_no_secret(logging_server: ServerProcess) -> None:
    with open_client(logging_server.url) as http:
        headers = {"X-Request-Id": "trace-1", "Authorization": f"Bearer {SECRET}", "Cookie": f"a={SECRET}"}
        http.post("/reset", json={"episode_id": "logged-1", "agent": SECRET}, headers=headers)
        answered = http.get(f"/episodes/logged-1/state?token={SECRET}", headers={"X-Request-Id": "bad\u00e9".encode()})
        assert re.fullmatch("[0-9a-f]{16}", answered.headers["x-request-id"])
        http.get("/no%0a%7B%22level%22:%22critical%22%7D")
    logging_server.stop()
    lines = [json.loads(line) for line in logging_server.output.splitlines() if line.startswith("{")]
    assert (
        len([line for line in logging_server.output.splitlines() if not line.startswith("{")]) == 2
    )  # database, address
    (reset,) = [line for line in lines if line.get("path") == "/reset"]
    assert (reset["request_id"], reset["episode_id"], reset["status"], reset["method"]) == (
        "trace-1",
        reset["episode_id"],
        200,
        "POST",
    )
    # The name of an episode that no API key guards opens it: the log has a code for it, the same on each line.
    assert re.fullmatch("#[0-9a-f]{12}", reset["episode_id"])
    (state,) = [line for line in lines if line.get("path") == f"/episodes/{reset['episode_id']}/state"]
    assert state["episode_id"] == reset["episode_id"]
    assert "logged-1" not in logging_server.output
    assert {"critical"} & {line["level"] for line in lines} == set()
    assert SECRET not in logging_server.output


def test_a_server_that_is_stopped_answers_what_it_has_and_keeps_it(own_server: ServerProcess) -> None:
    acknowledged: list[int] = []
    with open_client(own_server.url) as http, open_socket(own_server.socket_url) as idle:
        idle.ask("reset")
        episode = Episode(http, task_id="hard", seed=5)

        def play() -> None:
            with open_client(own_server.url) as player:
                while True:
                    try:
                        response = player.post("/step", json={"episode_id": episode.id, "action": REFUSED_QUERY})
                    except httpx.TransportError:
                        return
                    if response.status_code != 200 or response.json()["done"]:
                        return
                    acknowledged.append(response.json()["info"]["version"])

        player = threading.Thread(target=play)
        player.start()
        while not acknowledged and player.is_alive():
            pass
        own_server.stop()
        player.join(timeout=60)
    own_server.start()
    with open_client(own_server.url) as http:
        versions = [each["version"] for each in http.get(f"/episodes/{episode.id}/events").json()]
    assert set(acknowledged) <= set(versions)
    assert "Traceback" not in own_server.output


def test_a_backup_is_taken_while_the_server_plays_and_is_whole(own_server: ServerProcess, tmp_path: Path) -> None:
    with open_client(own_server.url) as http:
        ended = Episode(http, seed=5, episode_id="backed-up")
        ended.step("read_config")
        ended.step("submit_diagnosis")
        stop = threading.Event()

        def play() -> None:
            with open_client(own_server.url) as player:
                while not stop.is_set():
                    Episode(player, task_id="hard", seed=8).step("read_config")

        player = threading.Thread(target=play)
        player.start()
        try:
            target = tmp_path / "backup.db"
            ran = run_command_in_process("backup", str(target), "--database", str(own_server.database), "--json")
        finally:
            stop.set()
            player.join(timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    report = json.loads(ran.stdout)
    print(report)
    assert report["events"] >= 3
    assert report["audited"] >= 1
    assert not list(tmp_path.glob("backup.db.part*"))
    audited = run_command_in_process("audit", "backed-up", "--database", str(target))
    assert audited.returncode == 0, audited.stdout + audited.stderr
    again = run_command_in_process("backup", str(target), "--database", str(own_server.database))
    assert (again.returncode, "exists" in again.stderr) == (2, True)


def test_a_backup_of_an_edited_database_is_reported_and_does_not_count(
    own_server: ServerProcess, tmp_path: Path
) -> None:
    with open_client(own_server.url) as http:
        Episode(http, seed=5, episode_id="edited").step("read_config")
    own_server.stop()
    with closing(sqlite3.connect(own_server.database)) as database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute("""UPDATE events SET actor = 'somebody' WHERE version = 2""")
        database.commit()
    ran = run_command_in_process("backup", str(tmp_path / "b.db"), "--database", str(own_server.database))
    assert ran.returncode == 1
    assert "edited: version 2" in ran.stdout
    assert not (tmp_path / "b.db").exists()


def test_doctor_finds_nothing_or_says_what_to_do(own_server: ServerProcess, tmp_path: Path) -> None:
    def look(**settings: str) -> tuple[int, dict[str, tuple[str, str]]]:
        ran = run_command_in_process("doctor", "--json", settings=settings)
        return ran.returncode, {each["name"]: (each["verdict"], each["told"]) for each in json.loads(ran.stdout)}

    database = {"MLOPS_DEBUG_DATABASE_URL": f"sqlite:///{own_server.database}"}
    code, found = look(**database, MLOPS_DEBUG_PORT="0")
    assert (code, {verdict for verdict, _ in found.values()}) == (0, {"good"})
    code, found = look(**database, MLOPS_DEBUG_PORT=str(own_server.port))
    assert (code, found["address"][0], "--port" in found["address"][1]) == (1, "bad", True)
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"this is no database" * 100)
    code, found = look(MLOPS_DEBUG_DATABASE_URL=f"sqlite:///{damaged}", MLOPS_DEBUG_PORT="0")
    assert (code, found["database"][0]) == (1, "bad")
    code, found = look(MLOPS_DEBUG_DATABASE_URL=f"sqlite:///{tmp_path}/none/x.db", MLOPS_DEBUG_PORT="0")
    assert (code, "create it" in found["disk"][1]) == (1, True)
    code, found = look(**database, MLOPS_DEBUG_PORT="0", MLOPS_DEBUG_HOST="0.0.0.0")
    assert (code, found["address"][0], found["keys"][0]) == (1, "note", "bad")
    code, found = look(**database, MLOPS_DEBUG_PORT="0", MLOPS_DEBUG_HOST="0.0.0.0", MLOPS_DEBUG_ACCESS="open")
    assert (code, found["keys"][0], found["secrets"][0]) == (0, "note", "good")
