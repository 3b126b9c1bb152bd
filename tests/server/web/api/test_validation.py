"""The frames by which OpenEnv's next validator compares its own record of a socket with the server's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from server.settings import Settings
from tests.served import Served, Socket, serving

TOKEN = "a-token-of-the-validator-that-is-long-enough"
OPEN = {"type": "validation_open", "data": {"schema_version": 1, "token": TOKEN}}
RESET = {"type": "reset", "data": {"task_id": "medium", "seed": 7, "episode_id": "e"}}
READ = {"type": "step", "data": {"action_type": "read_config"}}
STATE = {"type": "state"}


@pytest.fixture
async def validated(settings: Settings) -> AsyncIterator[Served]:
    async with serving(replace(settings, validation_token=TOKEN)) as served:
        yield served


async def opened(socket: Socket) -> dict[str, Any]:
    """The frame that reads the record."""
    answered = await socket.say(OPEN)
    assert answered["type"] == "validation_open"
    return {"type": "validation_read", "data": {"schema_version": 1, "capability": answered["data"]["capability"]}}


async def refused(socket: Socket, frame: dict[str, Any]) -> None:
    answered = await socket.say(frame)
    assert (answered["type"], answered["data"]["code"]) == ("error", "VALIDATION_ERROR")
    assert TOKEN not in str(answered)


async def test_the_record_is_what_the_socket_asked_and_was_answered(validated: Served) -> None:
    async with validated.socket() as socket:
        read = await opened(socket)
        exchanged = [
            {"operation": frame["type"], "request": frame, "response": await socket.say(frame)}
            for frame in (RESET, STATE, READ, STATE)
        ]
        await socket.say({"type": "step", "data": {}})  # an error is no exchange
        record = (await socket.say(read))["data"]
    assert record["trajectory"]["records"] == exchanged
    assert (record["trajectory"]["complete"], record["trajectory"]["source"]) == (True, "openenv-server")
    assert record["seed"] == {"requested": True, "value": 7, "accepted": True}


async def test_a_seed_that_decides_nothing_is_not_called_accepted(validated: Served) -> None:
    async with validated.socket() as socket:
        read = await opened(socket)
        await socket.say({"type": "reset", "data": {"split": "test", "index": 1, "seed": 7}})
        assert (await socket.say(read))["data"]["seed"]["accepted"] is False


async def test_a_long_record_is_cut_off_and_says_so(validated: Served) -> None:
    async with validated.socket() as socket:
        read = await opened(socket)
        await socket.say(RESET)
        for _ in range(210):
            await socket.say(STATE)
        trajectory = (await socket.say(read))["data"]["trajectory"]
    assert (trajectory["complete"], len(trajectory["records"])) == (False, 202)
    assert trajectory["reason"]


async def test_only_who_has_the_token_may_read_and_only_from_the_beginning(validated: Served, served: Served) -> None:
    async with served.socket() as socket:
        await refused(socket, OPEN)  # a server without a token
    wrong = {"type": "validation_open", "data": {"schema_version": 1, "token": TOKEN[:-1] + "x"}}
    async with validated.socket() as socket:
        await refused(socket, wrong)
        read = await opened(socket)
        await refused(socket, OPEN)
        await refused(socket, {"type": "validation_read", "data": {"schema_version": 1, "capability": "x" * 43}})
        await refused(socket, {"type": "validation_open", "data": {"schema_version": 1, "token": "short"}})
    async with validated.socket() as socket:
        await refused(socket, read)  # of another socket
        await socket.say(RESET)
        await refused(socket, OPEN)  # too late
    async with validated.socket("/sessions/s/ws") as socket:
        await refused(socket, OPEN)  # a session may have been played by others
