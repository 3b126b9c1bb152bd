"""One measurement: a number of clients against one server for some seconds."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Any, AsyncIterator, Callable, Iterator, Sequence, TypeVar

import numpy as np
import uvloop

from bench.load import HOST, Client, RestClient, SocketClient, Tally
from bench.script import Episode

WARM_UP_SECONDS = 0.4
ANSWER_TIMEOUT_SECONDS = 120.0
MAX_CONNECTING = 64
"""Connections opened at the same time: a listener has a backlog."""

CpuSeconds = Callable[[], float]
Seen = TypeVar("Seen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The requests to send."""

    clients: int
    episodes: Sequence[Episode]
    seconds: float
    is_rest: bool = False
    deflate: bool = False
    names_episodes: bool = True
    """Whether the clients of WebSockets name their episodes, as evaluations do; otherwise the server makes the names."""
    pause: float = 0.0
    """Seconds each client waits between an answer and its next request."""
    strides: bool = False
    """Whether every client has episodes of its own; otherwise all play the same ones, each beginning with another."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Counts and latencies of one slice of a measurement."""

    seconds: float
    step_seconds: tuple[float, ...]
    reset_seconds: tuple[float, ...]
    load_cpu: float
    """CPU time of the load generator for each second."""
    server_cpu: float
    """The same of the server, with its workers."""


def measure(port: int, load: Load, server_cpu: CpuSeconds) -> Slice:
    """Play against the server on a port."""
    return uvloop.run(_measure(port, load, server_cpu))


async def _measure(port: int, load: Load, server_cpu: CpuSeconds) -> Slice:
    async with connected(port, load) as (tally, clients):
        for client in clients:
            client.play()
        await _for_seconds(WARM_UP_SECONDS, tally)
        began, load_before, server_before = time.perf_counter(), time.process_time(), server_cpu()
        tally.is_counting = True
        await _for_seconds(load.seconds, tally)
        tally.is_counting = False
        seconds = time.perf_counter() - began
        load_cpu, used = time.process_time() - load_before, server_cpu() - server_before
    return Slice(seconds, tuple(tally.step_seconds), tuple(tally.reset_seconds), load_cpu / seconds, used / seconds)


def play_out(port: int, load: Load, exchanges: int) -> None:
    """Every client plays so many exchanges and is done; nothing is measured."""
    uvloop.run(_measure_open_sockets(port, load, exchanges, lambda: None))


def measure_open_sockets(port: int, load: Load, look: Callable[[], Seen]) -> Seen:
    """The result of ``look`` while every client has its connection open, after a reset and a step."""
    return uvloop.run(_measure_open_sockets(port, load, 2, look))


async def _measure_open_sockets(port: int, load: Load, exchanges: int, look: Callable[[], Seen]) -> Seen:
    async with connected(port, load) as (tally, clients):
        # A few at a time: the memory for all answers at once is a peak that does not belong to a socket.
        for first in range(0, len(clients), MAX_CONNECTING):
            for client in clients[first : first + MAX_CONNECTING]:
                client.play(exchanges=exchanges)
            await rested(clients, tally)
        return look()


def record_answers(port: int, episodes: Sequence[Episode]) -> dict[str, list[str]]:
    """The text of each reset's frame to all answers of its episode."""
    return {episode[0].text.decode(): uvloop.run(_answers(port, episode)) for episode in episodes}


async def _answers(port: int, episode: Episode) -> list[str]:
    heard: list[str] = []
    async with connected(port, Load(clients=1, episodes=(episode,), seconds=0)) as (tally, clients):
        for _ in episode:
            clients[0].play(exchanges=1)
            await rested(clients, tally)
            heard.append(clients[0].last_answer.decode())
    return heard


def measure_beside(port: int, load: Load, cold: Load) -> tuple[Slice, Slice, float]:
    """Steps when nothing else happens, steps while ``cold`` clients wait for a reset each, and how long that took."""
    return uvloop.run(_measure_beside(port, load, cold))


async def _measure_beside(port: int, load: Load, cold: Load) -> tuple[Slice, Slice, float]:
    async with connected(port, load) as (tally, clients), connected(port, cold) as (cold_tally, cold_clients):
        for client in clients:
            client.play()
        await _for_seconds(WARM_UP_SECONDS, tally)
        tally.is_counting = True
        await _for_seconds(load.seconds, tally)
        idle = Slice(load.seconds, tuple(tally.step_seconds), tuple(tally.reset_seconds), 0.0, 0.0)
        del tally.step_seconds[:], tally.reset_seconds[:]
        began = time.perf_counter()
        for client in cold_clients:
            client.play(exchanges=1)
        await rested(cold_clients, cold_tally)
        tally.is_counting = False
        took = time.perf_counter() - began
        busy = Slice(took, tuple(tally.step_seconds), tuple(tally.reset_seconds), 0.0, 0.0)
    return idle, busy, took


@asynccontextmanager
async def connected(port: int, load: Load) -> AsyncIterator[tuple[Tally, list[Client]]]:
    """Clients with open connections; closed at the end."""
    loop = asyncio.get_running_loop()
    tally = Tally(loop.create_future())
    clients: list[Client] = []

    def create(number: int) -> Client:
        episodes = episodes_of(load, number)
        if load.is_rest:
            return RestClient(tally, episodes, port=port)
        return SocketClient(
            tally,
            episodes,
            port=port,
            pause=load.pause,
            deflate=load.deflate,
            names_episodes=load.names_episodes,
        )

    try:
        for first in range(0, load.clients, MAX_CONNECTING):
            numbers = range(first, min(first + MAX_CONNECTING, load.clients))
            opened = await asyncio.gather(
                *(loop.create_connection(partial(create, number), HOST, port) for number in numbers)
            )
            some = [client for _, client in opened]
            clients += some
            await rested(some, tally)
        yield tally, clients
    finally:
        tally.is_over = True
        for client in clients:
            client.transport.abort()
        await asyncio.sleep(0.1)  # so that the sockets are closed before the next measurement


async def rested(clients: Sequence[Client], tally: Tally) -> None:
    """Wait until every client has finished its exchanges."""
    waiting = asyncio.gather(*(client.ready for client in clients))
    watched: tuple[asyncio.Future[Any], ...] = (waiting, tally.failure)
    async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
        await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
    if tally.failure.done():
        waiting.cancel()
        tally.failure.result()
    await waiting


def episodes_of(load: Load, number: int) -> Iterator[Episode]:
    """The endless exchanges of one client."""
    episodes = load.episodes
    if load.strides:
        return cycle(episodes[number :: load.clients])
    first = number % len(episodes)
    return cycle((*episodes[first:], *episodes[:first]))


async def _for_seconds(seconds: float, tally: Tally) -> None:
    await asyncio.wait([tally.failure], timeout=seconds)
    if tally.failure.done():
        tally.failure.result()


@dataclass(frozen=True, slots=True)
class Figure:
    """The combined figure of several slices of the same load."""

    steps_per_second: float
    resets_per_second: float
    step_p50_ms: float | None
    """None: no steps were played; so for the others."""
    step_p99_ms: float | None
    reset_p50_ms: float | None
    reset_p99_ms: float | None
    load_cpu: float
    server_cpu: float
    spread: float
    """The slowest slice's rate over the fastest one's: how noisy the machine was."""


def sum_up(slices: Sequence[Slice]) -> Figure:
    seconds = sum(each.seconds for each in slices)
    steps = np.concatenate([np.asarray(each.step_seconds) for each in slices])
    resets = np.concatenate([np.asarray(each.reset_seconds) for each in slices])
    rates = [(len(each.step_seconds) + len(each.reset_seconds)) / each.seconds for each in slices]
    return Figure(
        len(steps) / seconds,
        len(resets) / seconds,
        _milliseconds(steps, 50),
        _milliseconds(steps, 99),
        _milliseconds(resets, 50),
        _milliseconds(resets, 99),
        float(np.mean([each.load_cpu for each in slices])),
        float(np.mean([each.server_cpu for each in slices])),
        min(rates) / max(rates) if max(rates) else 0.0,
    )


def _milliseconds(seconds: np.ndarray, percentile: float) -> float | None:
    return float(np.percentile(seconds, percentile) * 1000) if len(seconds) else None
