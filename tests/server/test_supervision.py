"""A background task that ends is reported, its callers are answered, and it is started again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection

from server.settings import Settings
from server.storage.writers.batch import write_batch
from server.storage.writers.protocol import Commit, Outcome
from server.supervision import FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS, Supervisor
from tests.databases import execute
from tests.served import Served, assert_problem, serving

READ = {"action_type": "read_config"}


class Pauses:
    """Pauses that end when the test says so."""

    def __init__(self) -> None:
        self.lengths: list[float] = []
        self.has_begun = asyncio.Event()
        self.may_end = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.lengths.append(seconds)
        self.has_begun.set()
        await self.may_end.wait()


class KillTheWriterError(BaseException):
    """What no handler of errors catches, as ``SystemExit`` and ``GreenletExit`` are."""


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
async def supervised(settings: Settings, pauses: Pauses) -> AsyncIterator[Served]:
    """A server with an open episode, ``e``, whose ended tasks are started again when the test says so."""
    async with serving(settings, supervisor=Supervisor(sleep=pauses)) as running:
        await running.client.post("/reset", json={"episode_id": "e", "task_id": "medium"})
        yield running


async def ready(served: Served) -> httpx.Response:
    return await served.client.get("/ready")


async def until_running(served: Served) -> None:
    """Until no task is down any more."""
    async with asyncio.timeout(10):
        while served.services.supervisor.down:  # noqa: ASYNC110 - what is down has no event of its own
            await asyncio.sleep(0.001)


def failing(calls: Iterator[BaseException], write: Callable[..., Any]) -> Callable[..., Any]:
    def failing_first(*arguments: Any, **named: Any) -> Any:
        for error in calls:
            raise error
        return write(*arguments, **named)

    return failing_first


@pytest.mark.both_backends
async def test_a_writer_that_ends_fails_its_callers_and_is_replaced(
    settings: Settings, pauses: Pauses, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(settings, supervisor=Supervisor(sleep=pauses)) as served:
        await served.client.post("/reset", json={"episode_id": "e", "task_id": "medium"})
        writer = served.services.store._writer
        monkeypatch.setattr(writer, "_commit", failing(iter([asyncio.CancelledError()]), writer._commit))  # type: ignore[attr-defined]
        bodies = [{"episode_id": "e", "action": READ}, *({"episode_id": f"n{n}"} for n in range(3))]
        paths = ["/step", "/reset", "/reset", "/reset"]
        async with asyncio.timeout(10):
            waiting = [served.client.post(path, json=body) for path, body in zip(paths, bodies, strict=True)]
            answers = await asyncio.gather(*waiting)
            await pauses.has_begun.wait()
        for response in answers:
            assert_problem(response, 503, "store_unavailable")
        told = assert_problem_of_ready(await ready(served))
        assert "store-writer ended (CancelledError)" in told
        later = await served.client.post("/step", json={"episode_id": "e", "action": READ})
        assert "Nothing was recorded" in assert_problem(later, 503, "store_unavailable")["detail"]
        pauses.may_end.set()
        await until_running(served)
        assert (await served.step("e", READ))["info"]["version"] == 2
        assert (await ready(served)).status_code == 200


@pytest.mark.both_backends
async def test_what_was_being_written_when_the_writer_ended_is_not_said_to_be_lost(
    settings: Settings, pauses: Pauses, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_and_end(connection: Connection, batch: Sequence[Commit]) -> list[Outcome]:
        write_batch(connection, batch)
        monkeypatch.setattr(writer, "_write", write_batch)
        raise KillTheWriterError

    async with serving(settings, supervisor=Supervisor(sleep=pauses)) as served:
        await served.client.post("/reset", json={"episode_id": "e", "task_id": "medium"})
        writer = served.services.store._writer
        monkeypatch.setattr(writer, "_write", write_and_end)
        body = {"episode_id": "e", "action": READ, "request_id": "r-1"}
        async with asyncio.timeout(10):
            response = await served.client.post("/step", json=body)
        assert "not known whether" in assert_problem(response, 503, "store_unavailable")["detail"]
        pauses.may_end.set()
        await until_running(served)
        assert (await served.client.post("/step", json=body)).json()["info"]["version"] == 2
    assert execute(settings.database_url, "SELECT count(*) FROM events") == [(2,)]


async def test_a_server_stops_while_its_writer_is_down(
    settings: Settings, pauses: Pauses, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asyncio.timeout(10):
        async with serving(settings, supervisor=Supervisor(sleep=pauses)) as served:
            writer = served.services.store._writer
            monkeypatch.setattr(writer, "_commit", failing(iter([KillTheWriterError()]), lambda *_: None))
            await served.client.post("/reset", json={"episode_id": "e"})
            await pauses.has_begun.wait()


def assert_problem_of_ready(response: httpx.Response) -> str:
    assert (response.status_code, response.json()["code"]) == (503, "not_ready")
    assert response.headers["retry-after"] == "1"
    told: str = response.json()["detail"]
    return told


@pytest.mark.parametrize(
    ("name", "part", "method", "brief"),
    [
        ("idle-sweeper", "sweeper", "sweep", {"idle_seconds": 0.05}),
        ("checkpointer", "checkpointer", "warn_of_another_key", {"checkpoint_seconds": 0.005}),
        ("auditor", "auditor", "audit_pending", {"verify_seconds": 0.005}),
    ],
)
async def test_a_background_task_that_ends_is_reported_and_restarted(
    settings: Settings,
    pauses: Pauses,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    part: str,
    method: str,
    brief: dict[str, float],
) -> None:
    turns = asyncio.Queue[None]()

    async def turn() -> int:
        await turns.put(None)
        return await asyncio.Event().wait()

    async with serving(replace(settings, **brief), supervisor=Supervisor(sleep=pauses)) as served:  # type: ignore[arg-type]
        # What a task awaits may be cancelled by another task: no ``except Exception`` of its own catches that.
        patched = getattr(served.services, part)
        monkeypatch.setattr(patched, method, failing(iter([asyncio.CancelledError()]), turn))
        async with asyncio.timeout(10):
            await pauses.has_begun.wait()
            assert f"{name} ended (CancelledError)" in assert_problem_of_ready(await ready(served))
            pauses.may_end.set()
            await turns.get()
        assert (await ready(served)).status_code == 200


async def test_the_live_feed_is_started_again(
    supervised: Served, pauses: Pauses, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = supervised.app.state.pages.feed
    monkeypatch.setattr(feed, "_follow_once", failing(iter([asyncio.CancelledError()]), feed._follow_once))
    following = feed.follow(0)
    assert len(await anext(following)) == 1
    async with asyncio.timeout(10):
        await pauses.has_begun.wait()
        assert "live-feed ended" in assert_problem_of_ready(await ready(supervised))
        pauses.may_end.set()
        await until_running(supervised)
        assert (await ready(supervised)).status_code == 200
        await supervised.step("e", READ)
        assert len(await anext(following)) == 1
    await following.aclose()


@pytest.mark.parametrize("backend", ["postgres"])
async def test_the_listener_to_other_servers_is_started_again(
    settings: Settings, pauses: Pauses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.episodes.peers.DISCONNECTED_SECONDS", 0.0)
    async with serving(settings, supervisor=Supervisor(sleep=pauses)) as served:
        peers = served.services.sessions.peers
        monkeypatch.setattr("server.episodes.peers.AGAIN_SECONDS", 0.0)
        monkeypatch.setattr(peers, "_listen_until_lost", failing(iter([ZeroDivisionError()]), peers._listen_until_lost))
        end_connections(settings.database_url)
        async with asyncio.timeout(10):
            await pauses.has_begun.wait()
        assert "peer-listener ended (ZeroDivisionError)" in assert_problem_of_ready(await ready(served))
        pauses.may_end.set()
        await until_running(served)


def end_connections(database_url: str) -> None:
    execute(
        database_url,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )


async def test_the_pause_doubles_up_to_the_longest() -> None:
    lengths: list[float] = []
    many = asyncio.Event()

    async def pause(seconds: float) -> None:
        lengths.append(seconds)
        if len(lengths) == 9:
            many.set()
            await asyncio.Event().wait()

    async def end() -> None:
        raise ZeroDivisionError

    supervisor = Supervisor(sleep=pause)
    task = asyncio.create_task(supervisor.run_restarting("t", end))
    await many.wait()
    task.cancel()
    await asyncio.wait([task])
    assert lengths == [min(FIRST_PAUSE_SECONDS * 2**n, MAX_PAUSE_SECONDS) for n in range(9)]


async def test_a_task_that_returns_is_down_too_and_only_its_cancellation_ends_it() -> None:
    ended: list[BaseException] = []
    pauses = Pauses()

    async def end() -> None:
        pass

    supervisor = Supervisor(sleep=pauses)
    task = asyncio.create_task(supervisor.run_restarting("t", end, on_end=ended.append))
    await pauses.has_begun.wait()
    assert (supervisor.down, len(ended)) == ({"t": "TaskEndedError"}, 1)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
