"""A Chat Completions server on a real socket that misbehaves in ten ways, once each in every episode, and then answers.

Rule: what it does follows from the episode (the briefing) and from how often it was asked in it, so episodes may be played at once.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

Json = dict[str, Any]
WAYS = (
    "refuses max_tokens",
    "refuses temperature",
    "429 with Retry-After",
    "says nothing",
    "429 without Retry-After",
    "breaks the JSON of a call",
    "500",
    "calls two tools",
    "does not answer in time",
    "stops at the length",
    "drops the connection",
)
"""In this order; what the first two refuse, it refuses later too. Those that are tried again stand apart, so that no pause grows."""
USED = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
KEY = "sk-test-0123456789abcdef"


@dataclass
class MisbehavingModel:
    url: str = ""
    asked: list[Json] = field(default_factory=list)
    """The bodies that came, refused ones too."""
    done: Counter[str] = field(default_factory=Counter)
    """How often it misbehaved in each way."""
    _ways: dict[str, Iterator[str]] = field(default_factory=dict)
    _ending: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while body := await _request(reader):
                self.asked.append(body)
                answer = await self._answer(body)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
        writer.close()

    def end(self) -> None:
        self._ending.set()

    async def _answer(self, body: Json) -> bytes | None:
        """A response; None: the connection is dropped."""
        if "max_tokens" in body:
            self.done["refuses max_tokens"] += 1
            message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
            return _refusal(400, message, code="unsupported_parameter", param="max_tokens")
        if "temperature" in body:
            self.done["refuses temperature"] += 1
            message = "Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) value is supported."
            return _refusal(400, message, code="unsupported_value", param="temperature")
        episode = body["messages"][1]["content"]
        way = next(self._ways.setdefault(episode, iter(WAYS[2:])), "answers")
        self.done[way] += 1
        match way:
            case "calls two tools":
                return _calls(("read_config", "{}"), ("read_logs", "{}"))
            case "says nothing":
                return _choice({"role": "assistant", "content": None})
            case "breaks the JSON of a call":
                return _calls(("read_logs", '{"log_filter": "epoch:1'))
            case "stops at the length":
                return _choice({"role": "assistant", "content": "I would first like to"}, finish_reason="length")
            case "429 with Retry-After":
                return _refusal(429, "slow down", headers=("Retry-After: 0.01",))
            case "429 without Retry-After":
                return _refusal(429, "slow down")
            case "500":
                return _refusal(500, f"worker of http://ops:hunter2hunter2@10.0.0.1 failed for {KEY}")
            case "does not answer in time":
                await self._ending.wait()
                return None
            case "drops the connection":
                return None
        return _submits(body)


@asynccontextmanager
async def serving_misbehaving_model() -> AsyncIterator[MisbehavingModel]:
    """The server, until the block ends."""
    model = MisbehavingModel()
    server = await asyncio.start_server(model.serve, "127.0.0.1", 0)
    model.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield model
    finally:
        model.end()
        server.close()


async def _request(reader: asyncio.StreamReader) -> Json | None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    (length,) = [line.split(":")[1] for line in head.splitlines() if line.startswith("content-length:")]
    body: Json = json.loads(await reader.readexactly(int(length)))
    return body


def _submits(body: Json) -> bytes:
    submit = next(each for each in body["tools"] if each["function"]["name"] == "submit_diagnosis")
    one = {"failure_category": "config_error", "confidence": 0.3}
    is_list = "diagnoses" in submit["function"]["parameters"]["properties"]
    return _calls(("submit_diagnosis", json.dumps({"diagnoses": [one]} if is_list else one)))


def _calls(*named: tuple[str, str]) -> bytes:
    made = [
        {"id": f"c{number}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for number, (name, arguments) in enumerate(named)
    ]
    return _choice({"role": "assistant", "content": "I look.", "tool_calls": made}, finish_reason="tool_calls")


def _choice(message: Json, finish_reason: str = "stop") -> bytes:
    choice = {"index": 0, "finish_reason": finish_reason, "message": message}
    body = {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": USED}
    return _response(200, body)


def _refusal(status: int, message: str, *, headers: tuple[str, ...] = (), **members: str) -> bytes:
    return _response(status, {"error": {"message": message, **members}}, headers)


def _response(status: int, body: Json, headers: tuple[str, ...] = ()) -> bytes:
    content = json.dumps(body).encode()
    head = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        *headers,
    ]
    return "\r\n".join([*head, "", ""]).encode() + content
