"""The real application over a real database file, driven in this process: HTTP by httpx, sockets by ASGI messages."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from server.app import create_app
from server.scenarios.answer_timing import AnswerTiming
from server.scenarios.simulation import Simulation
from server.services import Services
from server.settings import Settings
from server.supervision import Supervisor
from tests.hand_made import HandMadeSimulation

START = datetime(2030, 1, 1, tzinfo=UTC)


def ticking_clock() -> Callable[[], datetime]:
    """A clock that goes on by a second each time it is read."""
    ticks = itertools.count()
    return lambda: START + timedelta(seconds=next(ticks))


def counting_ids(prefix: str = "id") -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"{prefix}-{next(numbers)}"


def settings_for(folder: Path, **values: Any) -> Settings:
    return Settings(database_url=f"sqlite:///{folder / 'episodes.db'}", **values)


class Served:
    """A running application."""

    def __init__(self, app: Starlette, client: httpx.AsyncClient) -> None:
        self.app = app
        self.client = client

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    async def reset(self, **body: Any) -> dict[str, Any]:
        response = await self.client.post("/reset", json=body)
        assert response.status_code == 200, response.text
        answered: dict[str, Any] = response.json()
        return answered

    async def step(self, episode_id: str, action: dict[str, Any], **beside: Any) -> dict[str, Any]:
        response = await self.client.post("/step", json={"episode_id": episode_id, "action": action, **beside})
        assert response.status_code == 200, response.text
        answered: dict[str, Any] = response.json()
        return answered

    @asynccontextmanager
    async def socket(self, path: str = "/ws", *, key: str | None = None) -> AsyncIterator[Socket]:
        socket = Socket(self.app, path, key=key)
        await socket.open()
        try:
            yield socket
        finally:
            await socket.drop()


class Socket:
    """A WebSocket client made of ASGI messages."""

    def __init__(self, app: Starlette, path: str, *, key: str | None = None) -> None:
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_app: asyncio.Queue[Any] = asyncio.Queue()
        headers = [] if key is None else [(b"authorization", f"Bearer {key}".encode())]
        path, _, query = path.partition("?")
        named = {"path": path, "query_string": query.encode()}
        scope = {"type": "websocket", **named, "headers": headers, "subprotocols": []}
        self._task = asyncio.create_task(app(scope, self._to_app.get, self._from_app.put))

    async def open(self) -> None:
        await self._to_app.put({"type": "websocket.connect"})
        assert (await self._from_app.get())["type"] == "websocket.accept"

    async def say(self, frame: Any) -> dict[str, Any]:
        """Send a frame, or text as it stands, and wait for the answer."""
        await self.send(frame)
        return await self.hear()

    async def send(self, frame: Any) -> None:
        text = frame if isinstance(frame, str) else json.dumps(frame)
        await self._to_app.put({"type": "websocket.receive", "text": text})

    async def hear(self) -> dict[str, Any]:
        message = await asyncio.wait_for(self._from_app.get(), timeout=10)
        if message["type"] == "websocket.close":
            return {"type": "closed"}
        answered: dict[str, Any] = json.loads(message["text"])
        return answered

    async def drop(self) -> None:
        await self._to_app.put({"type": "websocket.disconnect", "code": 1006})
        await asyncio.wait_for(self._task, timeout=10)


@asynccontextmanager
async def serving(
    settings: Settings,
    *,
    simulation: Simulation | None = None,
    clock: Callable[[], datetime] | None = None,
    new_id: Callable[[], str] | None = None,
    answer_timing: AnswerTiming | None = None,
    supervisor: Supervisor | None = None,
) -> AsyncIterator[Served]:
    """The application from start to stop."""
    app = create_app(
        settings,
        clock=clock or ticking_clock(),
        new_id=new_id or counting_ids(),
        simulation=simulation if simulation is not None else HandMadeSimulation(),
        answer_timing=answer_timing,
        supervisor=supervisor,
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield Served(app, client)


def assert_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The one shape of every error."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["type"] == "about:blank"
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["title"]
    assert problem["detail"].rstrip().endswith((".", "…"))
    allowed = {"type", "title", "status", "code", "detail", "errors", "actual_version"}
    assert set(problem) <= allowed
    if status in (429, 503):
        assert int(response.headers["retry-after"]) >= 1
    return problem
