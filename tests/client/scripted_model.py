"""A Chat Completions server on a real socket that says what a test tells it to, good or bad."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Json = dict[str, Any]
Answer = Callable[[Json], Response | Awaitable[Response]]


@dataclass
class ScriptedModel:
    """Answers in the order of its script; the last answer again and again."""

    script: list[Answer]
    asked: list[Json] = field(default_factory=list)
    """The bodies of all requests, those that were refused among them."""
    heard: list[Request] = field(default_factory=list)
    """The requests themselves, for headers and queries."""
    url: str = ""
    ending: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(body)
        self.heard.append(request)
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        answered = answer(body)
        response = await answered if inspect.isawaitable(answered) else answered
        if response.headers.get("x-test-hangs"):
            await self.ending.wait()
        return response


@asynccontextmanager
async def serving_model(script: Iterable[Answer]) -> AsyncIterator[ScriptedModel]:
    """The server, until the block ends."""
    model = ScriptedModel(list(script))
    paths = ("/v1/chat/completions", "/openai/deployments/d/chat/completions")
    app = Starlette(routes=[Route(path, model.answer, methods=["POST"]) for path in paths])
    config = uvicorn.Config(app, port=0, lifespan="off", ws="none", log_level="critical", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event to wait for
        await asyncio.sleep(0)
    model.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    try:
        yield model
    finally:
        model.ending.set()
        server.should_exit = True
        await serving


def calls(*named: tuple[str, Json | str], text: str | None = None, first: int = 0) -> Answer:
    """Tool calls, with ids from ``first`` on; arguments that are text are sent as they stand."""
    made = [
        {
            "id": f"c{number}",
            "type": "function",
            "function": {"name": name, "arguments": each if isinstance(each, str) else json.dumps(each)},
        }
        for number, (name, each) in enumerate(named, first)
    ]
    return _choice({"role": "assistant", "content": text, "tool_calls": made})


def says(text: str) -> Answer:
    return _choice({"role": "assistant", "content": text})


def without_usage(text: str) -> Answer:
    return _choice({"role": "assistant", "content": text}, usage=None)


def status(code: int, message: str = "no", **headers: str) -> Answer:
    response_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: JSONResponse(
        {"error": {"message": message, "code": None}}, status_code=code, headers=response_headers
    )


def hangs() -> Answer:
    """No answer before the client has given up."""
    return lambda _: Response(headers={"x-test-hangs": "yes"})


def broken_body() -> Answer:
    """A body that ends in the middle."""
    return lambda _: Response('{"id": "x", "choices": [{"mess', media_type="application/json")


USED = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}


def _choice(message: Json, usage: Json | None = USED) -> Answer:
    body = {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "scripted",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": usage,
    }
    return lambda _: JSONResponse(body)
