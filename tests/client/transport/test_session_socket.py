"""The client against a scripted server that misbehaves in ways the real one does not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import Request, Response, ServerConnection, serve
from websockets.datastructures import Headers

from mlops_debug_env.protocol.errors import (
    CapacityError,
    MlopsDebugError,
    NotAllowedError,
    ProtocolError,
    ServerUnreachableError,
)
from mlops_debug_env.transport.async_client import DebugClient
from mlops_debug_env.transport.retry import Retrying

STATE = {
    "episode_id": "e",
    "step_count": 0,
    "task_id": "easy",
    "max_steps": 20,
    "done": False,
    "truncated": False,
    "total_reward": 0.0,
    "score": None,
    "artifacts_read": [],
    "checks_run": [],
    "ground_truth": None,
}
GOOD = json.dumps({"type": "state", "data": STATE})
Answer = Callable[[ServerConnection], Any]


async def nothing(seconds: float) -> None:
    """Waits for no time."""


FAST = Retrying(max_retries=3, pause=nothing)


@asynccontextmanager
async def scripted(
    *answers: str | bytes | None, handshake: Response | None = None
) -> AsyncIterator[tuple[str, list[Any]]]:
    """A server that gives these answers, one a frame, and closes the socket where there is none; what it was sent."""
    left, heard = list(answers), []

    async def converse(connection: ServerConnection) -> None:
        async for message in connection:
            heard.append((connection.request.headers if connection.request else None, json.loads(message)))
            answer = left.pop(0) if left else None
            if answer is None:
                return
            await connection.send(answer)

    def greet(connection: ServerConnection, request: Request) -> Response | None:
        return handshake

    async with serve(converse, "127.0.0.1", 0, process_request=greet) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard


@pytest.mark.parametrize("lost", [1, 3])
async def test_a_socket_that_closes_instead_of_answering_is_opened_again(lost: int) -> None:
    async with scripted(*[None] * lost, GOOD) as (url, heard), DebugClient(url, retrying=FAST) as client:
        assert (await client.state()).episode_id == "e"
        assert len(heard) == lost + 1


async def test_the_same_step_is_sent_each_time() -> None:
    async with scripted(None, None, None, None) as (url, heard), DebugClient(url, retrying=FAST) as client:
        with pytest.raises(ServerUnreachableError, match="lost"):
            await client.step({"action_type": "read_config"})
        frames = [frame for _, frame in heard]
        assert len(frames) == 4
        assert frames.count(frames[0]) == 4
        assert frames[0]["data"]["metadata"]["request_id"].startswith("rq-")


async def test_busy_is_tried_again() -> None:
    busy = json.dumps({"type": "error", "data": {"code": "CAPACITY_REACHED", "message": "busy"}})
    async with scripted(busy, busy, GOOD) as (url, heard), DebugClient(url, retrying=FAST) as client:
        assert (await client.state()).step_count == 0
        assert len(heard) == 3
    async with scripted(*[busy] * 9) as (url, heard), DebugClient(url, retrying=FAST) as client:
        with pytest.raises(CapacityError, match="busy"):
            await client.state()
        assert len(heard) == 4


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        '{"type": "state"}',
        '{"type": "state", "data": {}}',
        b"\xff",
        '{"type": "state", "data": 3}',
    ]
    + ['{"type": "error", "data": "x"}', "null", '{"type": "observation", "data": {"observation": 1}}'],
)
async def test_an_answer_that_cannot_be_read_is_one_of_our_errors(answer: str | bytes) -> None:
    async with scripted(answer, answer) as (url, _), DebugClient(url, retrying=FAST) as client:
        with pytest.raises(MlopsDebugError) as caught:
            await client.state()
        assert "\n" not in str(caught.value)
        with pytest.raises(MlopsDebugError):
            await client.step({"action_type": "read_config"})


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (401, {}, NotAllowedError),
        (403, {}, NotAllowedError),
        (404, {}, ProtocolError),
        (429, {"Retry-After": "1"}, CapacityError),
        (502, {}, ServerUnreachableError),
        (503, {"Retry-After": "1"}, CapacityError),
    ],
)
async def test_a_refused_handshake_is_reported_by_its_status(
    status: int, headers: dict[str, str], kind: type[Exception]
) -> None:
    refusal = Response(status, HTTPStatus(status).phrase, Headers({**headers, "Content-Length": "0"}), b"")
    async with scripted(handshake=refusal) as (url, _), DebugClient(url, retrying=FAST) as client:
        with pytest.raises(kind) as caught:
            await client.state()
        assert "\n" not in str(caught.value)


async def test_what_listens_but_speaks_no_http_is_reported() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, DebugClient(url, retrying=FAST) as client:
        with pytest.raises(ServerUnreachableError):
            await client.state()
        with pytest.raises(ServerUnreachableError):
            await client.health()


async def test_the_api_key_is_sent_as_a_bearer_token() -> None:
    async with scripted(GOOD) as (url, heard), DebugClient(url, api_key="k-1") as client:
        await client.state()
        assert heard[0][0]["Authorization"] == "Bearer k-1"
        assert heard[0][0]["User-Agent"].startswith("mlops-debug-env/")


async def test_a_key_that_a_newer_server_adds_is_overlooked() -> None:
    newer = json.dumps({"type": "state", "data": {**STATE, "mood": "sunny"}})
    async with scripted(newer) as (url, _), DebugClient(url) as client:
        assert (await client.state()).episode_id == "e"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("scheme", ["http", "https", "ws", "wss"])
async def test_a_redirect_is_reported_and_never_followed(status: int, scheme: str) -> None:
    async with scripted(GOOD) as (elsewhere, heard):
        target = elsewhere.replace("http", scheme)
        handshake = Response(status, "Moved", Headers({"Location": f"{target}/tasks", "Content-Length": "0"}), b"")
        async with (
            scripted(handshake=handshake) as (url, _),
            DebugClient(url, retrying=FAST, api_key="secret") as client,
        ):
            for as_requester in (client.state, client.tasks, client.health):
                with pytest.raises(ProtocolError, match="not followed; make it the base URL") as refused:
                    await as_requester()
                assert "secret" not in str(refused.value)
        assert heard == []
