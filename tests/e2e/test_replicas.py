"""Two server processes on one PostgreSQL: an episode started at one continues at the other."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.playing import WRONG_DIAGNOSIS, Episode, Json, accepted, assert_problem, open_client, open_socket
from tests.e2e.relay import Relay, relaying
from tests.e2e.running import ServerProcess, environment, run_command
from tests.postgres import PrivatePostgres

READ: Json = {"action_type": "read_config"}
LOGS: Json = {"action_type": "read_logs", "log_filter": "epoch:1-3"}


def replica(folder: Path, database_url: str, **settings: str) -> ServerProcess:
    """A server that shares the database and the folder of secrets with the others of the test, as the docs ask."""
    folder.mkdir(exist_ok=True)
    secrets = {"MLOPS_DEBUG_SECRETS_FOLDER": str(folder.parent / "secrets"), **settings}
    child = environment(MLOPS_DEBUG_DATABASE_URL=database_url, MLOPS_DEBUG_GENERATOR_PROCESSES="1", **secrets)
    return ServerProcess(folder, child_environment=child, database_argument=False)


@pytest.fixture(scope="module")
def shared_url(postgres: PrivatePostgres) -> str:
    return postgres.create_database()


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory, shared_url: str) -> Iterator[tuple[ServerProcess, ...]]:
    """Two servers that were started together on an empty database."""
    both = tuple(replica(tmp_path_factory.mktemp(name), shared_url) for name in ("here", "there"))
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(ServerProcess.start, both))
    yield both
    for each in both:
        each.stop()


@pytest.fixture
def here(replicas: tuple[ServerProcess, ...]) -> Iterator[httpx.Client]:
    with open_client(replicas[0].url) as http:
        yield http


@pytest.fixture
def there(replicas: tuple[ServerProcess, ...]) -> Iterator[httpx.Client]:
    with open_client(replicas[1].url) as http:
        yield http


@pytest.mark.always_postgres
def test_an_episode_begun_on_one_goes_on_at_the_other(here: httpx.Client, there: httpx.Client) -> None:
    begun = Episode(here, task_id="medium", seed=5)
    elsewhere = {"episode_id": begun.id, "action": READ}
    for n, http in enumerate((there, here, there, here), start=1):
        answered = accepted(http.post("/step", json=elsewhere))
        assert answered["observation"]["step_count"] == n
    ended = accepted(there.post("/step", json={"episode_id": begun.id, "action": WRONG_DIAGNOSIS}))
    assert ended["done"] is True
    assert begun.play(READ)["info"]["score"] == ended["info"]["score"]
    assert begun.state() == accepted(there.get("/state", params={"episode_id": begun.id}))


@pytest.mark.always_postgres
def test_a_repeated_request_is_recognised_by_the_other(here: httpx.Client, there: httpx.Client) -> None:
    begun = Episode(here, task_id="medium", seed=5)
    body = {"episode_id": begun.id, "action": READ, "request_id": "r-1"}
    answers = [http.post("/step", json=body).content for http in (here, there, here)]
    assert set(answers) == {answers[0]}
    assert len(begun.events()) == 2


def test_a_session_key_has_one_current_episode_everywhere(
    replicas: tuple[ServerProcess, ...], here: httpx.Client, there: httpx.Client
) -> None:
    first = accepted(here.post("/sessions/moves/reset", json={"seed": 5}))["info"]["episode_id"]
    with open_socket(f"ws://127.0.0.1:{replicas[1].port}/sessions/moves/ws") as socket:
        assert socket.observe("step", **READ)["metadata"]["episode_id"] == first
        assert socket.observe("step", **READ)["metadata"]["version"] == 3
    second = accepted(there.post("/sessions/moves/reset", json={"seed": 8}))["info"]["episode_id"]
    assert accepted(here.get("/sessions/moves/state"))["episode_id"] == second
    assert accepted(here.get("/state", params={"episode_id": first}))["done"] is True


def test_of_two_servers_that_race_for_a_version_one_wins(here: httpx.Client, there: httpx.Client) -> None:
    begun = Episode(here, task_id="hard", seed=5)

    def race(http: httpx.Client, version: int, racer: int) -> int:
        body = {"episode_id": begun.id, "action": {**LOGS, "log_filter": f"epoch:{racer}"}, "expected_version": version}
        answered = http.post("/step", json=body)
        if answered.status_code != 200:
            assert assert_problem(answered, 409, "wrong_expected_version")["actual_version"] > version
        return answered.status_code

    with ThreadPoolExecutor(8) as threads:
        for version in range(1, 16):
            waiting = [threads.submit(race, (here, there)[n % 2], version, n + 1) for n in range(8)]
            codes = [each.result() for each in waiting]
            assert sorted(codes) == [200] + [409] * 7
    assert [each["version"] for each in begun.events()] == list(range(1, 17))


def test_steps_without_a_version_are_all_taken_whichever_server_they_reach(
    here: httpx.Client, there: httpx.Client
) -> None:
    begun = Episode(here, task_id="hard", seed=5)
    with ThreadPoolExecutor(4) as threads:
        waiting = [
            threads.submit((here, there)[n % 2].post, "/step", json={"episode_id": begun.id, "action": READ})
            for n in range(15)
        ]
        answers = [accepted(each.result()) for each in waiting]
    assert sorted(each["info"]["version"] for each in answers) == list(range(2, 17))


def test_a_reset_of_one_name_on_both_begins_one_episode(here: httpx.Client, there: httpx.Client) -> None:
    body = {"episode_id": "same-name", "task_id": "easy", "seed": 12}
    with ThreadPoolExecutor(8) as threads:
        waiting = [threads.submit((here, there)[n % 2].post, "/reset", json=body) for n in range(8)]
        answers = {accepted(each.result())["observation"]["run_id"] for each in waiting}
    assert len(answers) == 1
    assert len(here.get("/episodes/same-name/events").json()) == 1


@pytest.mark.openenv
def test_the_stock_client_goes_on_at_another_server(
    replicas: tuple[ServerProcess, ...], shared_url: str, tmp_path: Path, there: httpx.Client
) -> None:
    pytest.importorskip("openenv.core", reason="needs the OpenEnv package: pip install '.[openenv]'")
    from tests.e2e.test_resume import client, step

    dying = replica(tmp_path, shared_url)
    dying.start()

    async def play() -> str:
        async with relaying(dying.port) as relay, client(relay.url, "moving") as env:
            episode_id = (await env.reset(task_id="medium", seed=5)).metadata["episode_id"]
            recorded = await env.step(READ)
            await asyncio.to_thread(dying.kill)
            turn(relay, replicas[0])
            again = await step(env, READ)
            assert (again.observation, again.reward, again.metadata) == (
                recorded.observation,
                recorded.reward,
                recorded.metadata,
            )
            assert (await env.step(LOGS)).observation["step_count"] == 2
            turn(relay, replicas[1])
            assert (await step(env, WRONG_DIAGNOSIS)).observation["step_count"] == 3
            return str(episode_id)

    try:
        episode_id = asyncio.run(play())
    finally:
        dying.kill()
    kinds = [each["kind"] for each in there.get(f"/episodes/{episode_id}/events").json()]
    assert kinds == ["reset", "read", "read", "submit"]


def turn(relay: Relay, other: ServerProcess) -> None:
    """From now on the address leads to another server; what was open breaks."""
    relay.server_port = other.port
    relay.drop()


def test_several_processes_share_a_port_and_one_that_dies_loses_no_episode(tmp_path: Path, shared_url: str) -> None:
    server = replica(tmp_path, shared_url, MLOPS_DEBUG_WORKERS="2")
    server.start()
    try:
        serving = server_processes(server.pid)
        assert len(serving) == 2
        with open_client(server.url) as http:
            begun = Episode(http, task_id="medium", seed=5)
            begun.play(READ)
        os.kill(serving[0], signal.SIGKILL)
        for n in range(2, 12):
            with open_client(server.url) as http:  # each on a connection of its own
                body = {"episode_id": begun.id, "action": READ, "expected_version": n}
                assert send_until_taken(http, body)["info"]["version"] == n + 1
        deadline = time.monotonic() + 30
        while len(set(server_processes(server.pid)) - set(serving[:1])) < 2:
            assert time.monotonic() < deadline, "the dead process was not replaced"
            time.sleep(0.05)
    finally:
        server.stop()


DETECTED_SECONDS = 20.0
"""Until the others have all connections of a process that was killed, on a busy machine."""


def send_until_taken(http: httpx.Client, body: Json) -> Json:
    """As an agent does, whose server may just have died; its version makes that harmless."""
    deadline = time.monotonic() + DETECTED_SECONDS
    while time.monotonic() < deadline:
        try:
            return accepted(http.post("/step", json=body))
        except httpx.TransportError:
            continue  # the kernel has not closed the sockets of the process that was killed
    raise AssertionError("no process answers")


def children(pid: int) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == pid:
                yield int(entry.name)


def server_processes(pid: int) -> list[int]:
    """The processes that serve; beside them there is Python's resource tracker."""
    commands = {child: Path(f"/proc/{child}/cmdline").read_text() for child in children(pid)}
    return [child for child, command in commands.items() if "spawn_main" in command]


def test_the_tables_are_upgraded_and_checked_by_command(postgres: PrivatePostgres) -> None:
    settings: dict[str, Any] = {"MLOPS_DEBUG_DATABASE_URL": postgres.create_database()}
    assert run_command("db", "check", settings=settings).returncode == 1
    assert run_command("db", "upgrade", settings=settings).returncode == 0
    checked = run_command("db", "check", settings=settings)
    assert (checked.returncode, "the newest" in checked.stdout) == (0, True)


@pytest.mark.always_postgres
def test_an_episode_is_replayed_and_audited_from_postgresql(here: httpx.Client, shared_url: str) -> None:
    begun = Episode(here, task_id="medium", seed=5)
    begun.play(READ)
    begun.play(WRONG_DIAGNOSIS)
    settings = {"MLOPS_DEBUG_DATABASE_URL": shared_url}
    audited = run_command("audit", begun.id, settings=settings)
    assert audited.stdout == f"episode {begun.id}: 3 events, 0 findings\n", audited.stderr
    assert "read config.yaml" in run_command("replay", begun.id, settings=settings).stdout
