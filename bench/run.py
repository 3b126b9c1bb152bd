"""The whole benchmark: every server started and measured in one run, by one load generator."""

from __future__ import annotations

import json
import resource
import statistics
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Callable, Sequence

from bench.fresh_resets import measure as measure_fresh_resets
from bench.machine import describe_machine
from bench.measure import Load, Slice, measure, measure_beside, measure_open_sockets, record_answers, sum_up
from bench.plan import Plan
from bench.results import (
    ASYNC_PEER,
    CEILING,
    EMPTY,
    GENERATING_PEER,
    LONG,
    MANY_CLIENTS,
    OWN,
    PEER,
    POSTGRES,
    SOME_CLIENTS,
    TWO_WORKERS,
    Cell,
    Results,
)
from bench.script import reset_of, warm_episodes
from bench.servers import Server, own_server, peer_server
from bench.storage import measure_disk, measure_reading, write_history

FRESH_CLIENTS = 4
FRESH_PER_SECOND = 200
"""More than a client can get: no seed is met twice."""
PACE_SECONDS = 0.02

Progress = Callable[[str], None]


class Benchmark:
    """Runs the measurements and collects their results."""

    def __init__(self, plan: Plan, folder: Path, progress: Progress, *, postgres: str | None) -> None:
        self._plan = plan
        self._folder = folder
        self._progress = progress
        self._postgres = postgres
        self._episodes = warm_episodes()
        self._servers: dict[str, Server] = {}
        self._next_seed = 10_000_000
        self.results = Results(plan.name, describe_machine(folder))

    def run(self) -> Results:
        _allow_many_sockets()
        with ExitStack() as stack:
            self._start(stack)
            self._memory()
            self._steps()
            self._other_loads()
            self._cold()
        self._workers()
        self._reserve()
        self._storage()
        self._history()
        return self.results

    def _start(self, stack: ExitStack) -> None:
        """Start every server; of this one, several, because its start is a figure of its own."""
        self._progress("starting the servers")
        own = [own_server(self._folder, name=f"{OWN}-{n}") for n in range(self._plan.starts)]
        for server in own:
            stack.callback(server.stop)
            server.start()
        for server in own[1:]:
            server.stop()
        self._servers[OWN] = own[0]
        recording = self._folder / "recording.json"
        recording.write_text(json.dumps(record_answers(own[0].port, self._episodes)))
        self.results.start_seconds[OWN] = statistics.median(server.start_seconds for server in own)
        names = [PEER, GENERATING_PEER, CEILING, *([ASYNC_PEER] if self._plan.has_async_peer else [])]
        others = {name: peer_server(name, self._folder, recording=recording) for name in names}
        if self._postgres is not None:
            others[POSTGRES] = own_server(self._folder, name=POSTGRES, database=self._postgres)
        for name, server in others.items():
            stack.callback(server.stop)
            server.start()
            self.results.start_seconds[name] = server.start_seconds
            self._servers[name] = server

    def _steps(self) -> None:
        for clients in self._plan.clients:
            # At more clients it only ever generates, and its backlog would be measured with the next server.
            names = [
                name
                for name in self._servers
                if name != GENERATING_PEER or clients <= self._plan.max_generating_clients
            ]
            self._take_turns("ws", names, partial(self._load, clients))

    def _other_loads(self) -> None:
        own = [name for name in (OWN, POSTGRES) if name in self._servers]
        peered = [*own, PEER]
        some = self._at_most(SOME_CLIENTS)
        self._take_turns("rest", own, lambda: self._load(some, is_rest=True))
        if self._plan.has_async_peer:
            self._take_turns("ws deflate", peered, lambda: self._load(some, deflate=True))
        resets = tuple(episode[:1] for episode in self._episodes)
        seconds = self._plan.seconds
        self._take_turns("warm resets", peered, lambda: Load(clients=some, episodes=resets, seconds=seconds))
        made = Load(clients=some, episodes=resets, seconds=seconds, names_episodes=False)
        self._take_turns("made resets", own, lambda: made)
        self._take_turns("fresh resets", peered, lambda: self._fresh_resets(FRESH_CLIENTS))

    def _memory(self) -> None:
        """First of all, because memory left by other measurements would be used again and not be counted."""
        load = self._load(self._plan.held_sockets)
        for name, server in self._servers.items():
            if name == GENERATING_PEER:
                continue
            measure(server.port, self._load(FRESH_CLIENTS), server.cpu_seconds)
            before = server.memory_bytes()
            during, threads = measure_open_sockets(server.port, load, partial(_memory_and_threads, server))
            self.results.socket_bytes[name] = (during - before) / load.clients
            self.results.socket_threads[name] = threads

    def _cold(self) -> None:
        """Steps of some agents while others wait for scenarios that have to be generated."""
        server = self._servers[OWN]
        steps = Load(
            clients=self._at_most(SOME_CLIENTS), episodes=self._episodes, seconds=self._plan.seconds, pause=PACE_SECONDS
        )
        number = self._plan.cold_resets
        resets = self._fresh_resets(number)
        idle, busy, took = measure_beside(server.port, steps, resets)
        idle_p99, busy_p99 = sum_up([idle]).step_p99_ms, sum_up([busy]).step_p99_ms
        self.results.single |= {
            "cold_resets": number,
            "cold_resets_seconds": took,
            "idle_step_p99_ms": idle_p99 or 0.0,
            "beside_cold_step_p99_ms": busy_p99 or 0.0,
        }
        self._progress(
            f"step p99 idle {idle_p99} ms, beside {number} cold resets {busy_p99} ms, which took {took:.1f} s"
        )

    def _storage(self) -> None:
        self._progress("bytes on disk, folding and auditing")
        plan = self._plan
        disk, path = measure_disk(self._folder, self._episodes, warm=plan.warm_episodes, fresh=plan.fresh_episodes)
        self.results.single |= {
            "disk_bytes_per_event": disk.per_event,
            "disk_bytes_per_fresh_episode": disk.per_fresh_episode,
        }
        self.results.single |= measure_reading(path)

    def _history(self) -> None:
        """Steps on a store with a long history and on an empty one, in turns."""
        self._progress(f"writing a history of {self._plan.history_events:,} events")
        with ExitStack() as stack:
            long = self._folder / f"{LONG}.db"
            self.results.single["history_events"] = write_history(long, self._plan.history_events)
            for name in (LONG, EMPTY):
                server = self._servers[name] = own_server(self._folder, name=name)
                stack.callback(server.stop)
                server.start()
            clients = self._at_most(SOME_CLIENTS)
            self._take_turns("history", (LONG, EMPTY), lambda: self._load(clients))

    def _workers(self) -> None:
        """One and two processes of this server on a file each, in turns."""
        if not self._plan.has_workers:
            return
        with ExitStack() as stack:
            for name, settings in ((OWN, {}), (TWO_WORKERS, {"MLOPS_DEBUG_WORKERS": "2"})):
                server = self._servers[name] = own_server(self._folder, name=f"workers-{name}", **settings)
                stack.callback(server.stop)
                server.start()
            self._take_turns("ws workers", (OWN, TWO_WORKERS), lambda: self._load(MANY_CLIENTS))

    def _reserve(self) -> None:
        """Resets without a seed where scenarios were generated ahead, as a client sees them."""
        if self._plan.reserve_resets:
            taken = measure_fresh_resets(self._plan.reserve_resets, self._folder)
            seen = [value for (kind, _), values in taken.items() if kind == "reserve" for value in values]
            self.results.single["reserve_reset_p50_ms"] = statistics.median(seen)

    def _fresh_resets(self, clients: int) -> Load:
        """Resets on seeds that no server has seen."""
        number = int(clients * max(1.0, self._plan.seconds) * FRESH_PER_SECOND)
        episodes = tuple((reset_of(seed),) for seed in range(self._next_seed, self._next_seed + number))
        self._next_seed += number
        return Load(clients=clients, episodes=episodes, seconds=self._plan.seconds, strides=True)

    def _load(self, clients: int, *, is_rest: bool = False, deflate: bool = False) -> Load:
        return Load(
            clients=clients, episodes=self._episodes, seconds=self._plan.seconds, is_rest=is_rest, deflate=deflate
        )

    def _at_most(self, clients: int) -> int:
        return min(clients, max(self._plan.clients))

    def _take_turns(self, name: str, servers: Sequence[str], load: Callable[[], Load]) -> None:
        """Slices of all servers in turn; the order is turned round each time."""
        slices: dict[str, list[Slice]] = {server: [] for server in servers}
        for turn in range(self._plan.rounds):
            for server in servers if turn % 2 == 0 else tuple(reversed(servers)):
                running = self._servers[server]
                slices[server].append(measure(running.port, load(), running.cpu_seconds))
                running.settle()
        clients = load().clients
        for server, taken in slices.items():
            figure = sum_up(taken)
            self.results.cells.append(Cell(name, clients, server, figure))
            self._progress(
                f"{name:12} {clients:5} clients  {server:22} {figure.steps_per_second:9,.0f} steps/s "
                f"{figure.resets_per_second:8,.0f} resets/s"
            )


def _memory_and_threads(server: Server) -> tuple[int, int]:
    return server.memory_bytes(), server.thread_count()


def _allow_many_sockets() -> None:
    """As many open files as the system lets a process have: each client is one, here and in the server."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
