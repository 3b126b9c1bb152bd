"""Agents that play until the server dies, note everything they were answered, and go on when it is back."""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidMessage

from tests.e2e.playing import REFUSED_QUERY, WRONG_DIAGNOSIS, Json
from tests.e2e.running import ServerProcess

DIED = (httpx.TransportError, ConnectionClosed, InvalidMessage, OSError, TimeoutError)
"""What an agent meets when its server is killed."""
SEEDS = 4
"""Few distinct scenarios, so that the load is on the store."""
EPISODE: tuple[Json, ...] = (
    {"action_type": "read_config"},
    {"action_type": "read_logs", "log_filter": "epoch:1-3"},
    {"action_type": "run_sanity_check", "sanity_check_type": "loss_trajectory"},
    REFUSED_QUERY,
    {"action_type": "read_config"},
    {"action_type": "inspect_preprocessing"},
    {"action_type": "run_sanity_check", "sanity_check_type": "class_balance"},
    WRONG_DIAGNOSIS,
)


@dataclass(slots=True)
class Played:
    """One episode, as its agent knows it."""

    episode_id: str
    parameters: Json
    answered: int = 0
    """Version of the last event that was acknowledged; 0: not even the reset."""
    hashes: dict[int, str] = field(default_factory=dict)
    """Version to the hash that the server gave out for it."""

    @property
    def is_over(self) -> bool:
        return self.answered > len(EPISODE)

    def request_id(self, version: int) -> str:
        """Of the step that leads to this version."""
        return f"{self.episode_id}-{version}"


Say = Callable[[Json], Awaitable[Json]]
"""Send a reset or step; its answer's metadata."""


class Agent:
    """Plays one episode after the other: over REST, or on a keyed session over WebSocket."""

    def __init__(self, name: str, number: int) -> None:
        self._name = name
        self._number = number
        self._counter = itertools.count(1)
        self.played: list[Played] = []
        self.answers = 0
        """How often it was answered."""

    @property
    def unfinished(self) -> Played | None:
        return self.played[-1] if self.played and not self.played[-1].is_over else None

    async def play(self, server: ServerProcess, *, episodes: int | None = None) -> None:
        """Go on where the last server died, then play further episodes; by default, until this one dies, too."""
        with suppress(*DIED if episodes is None else ()):
            async with httpx.AsyncClient(base_url=server.url, trust_env=False, verify=False, timeout=60) as http:
                if self._number % 2 == 0:
                    await self._play_over(Rest(http).say, http, episodes)
                    return
                address = f"ws://127.0.0.1:{server.port}/sessions/{self._name}/ws"
                async with connect(address, proxy=None, open_timeout=60, ping_timeout=None) as socket:
                    await self._play_over(Socket(socket).say, http, episodes)

    async def _play_over(self, say: Say, http: httpx.AsyncClient, episodes: int | None) -> None:
        for _ in itertools.count() if episodes is None else range(episodes):
            played = self.unfinished
            if played is None:
                played = self._next()
            while not played.is_over:
                answer = await say(self._request(played))
                if answer["version"] != played.answered + 1:
                    raise AssertionError(f"{played.episode_id}: {answer['version']} after {played.answered}")
                played.answered += 1
                self.answers += 1
                await self._note_hashes(http, played)

    def _next(self) -> Played:
        number = next(self._counter)
        parameters = {"task_id": "easy", "seed": (self._number + number) % SEEDS, "agent": self._name}
        self.played.append(Played(f"{self._name}-{number}", parameters))
        return self.played[-1]

    def _request(self, played: Played) -> Json:
        """The reset, or the next step; after a crash just the one whose answer was lost."""
        if played.answered == 0:
            return {"episode_id": played.episode_id, "request_id": played.request_id(1), **played.parameters}
        beside = {"request_id": played.request_id(played.answered + 1), "expected_version": played.answered}
        return {"action": {**EPISODE[played.answered - 1], "metadata": beside}, "episode_id": played.episode_id}

    async def _note_hashes(self, http: httpx.AsyncClient, played: Played) -> None:
        listed = (await http.get(f"/episodes/{played.episode_id}/events")).raise_for_status().json()
        for each in listed:
            known = played.hashes.setdefault(each["version"], each["hash"])
            if known != each["hash"]:
                raise AssertionError(f"{played.episode_id}: version {each['version']} changed its hash")


class Rest:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def say(self, wanted: Json) -> Json:
        response = await self._http.post("/step" if "action" in wanted else "/reset", json=wanted)
        if response.status_code != 200:
            raise AssertionError(response.text)
        info: Json = response.json()["info"]
        return info


class Socket:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def say(self, wanted: Json) -> Json:
        frame = {"type": "step", "data": wanted["action"]} if "action" in wanted else {"type": "reset", "data": wanted}
        await self._connection.send(json.dumps(frame))
        answer = json.loads(await self._connection.recv())
        if answer["type"] != "observation":
            raise AssertionError(answer)
        metadata: Json = answer["data"]["metadata"]
        return metadata
