"""Measures serving on stores of several sizes in turns: steps/s, CPU of a step, memory of the server, and its slowest page."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, Mapping, NamedTuple

if TYPE_CHECKING:
    from bench.servers import Server
    from bench.workers import Turn

CLIENTS = 64
TURNS = 5
TURN_SECONDS = 3.0
WARM_UP_EXCHANGES = 40
"""Of each client: generates the scenarios, and fills what a server keeps in memory."""
REQUESTS_A_PAGE = 5
MAX_SLOWER = 1.15
"""CPU of a step on a store against the smallest store; what is more than the noise of a machine is not flat."""


class Served(NamedTuple):
    """What a server did on a store."""

    turn: Turn
    """The medians of all turns."""
    memory_mb: float
    """Of the server without its workers, after the last turn."""
    pages: dict[str, float]
    """Path to the median time in ms."""

    @property
    def slowest_page(self) -> tuple[str, float]:
        return max(self.pages.items(), key=lambda each: each[1])


def measure_serving(databases: Mapping[int, Path]) -> dict[int, Served]:
    """Number of episodes to what a server on that store did. The servers run at the same time and take turns."""
    from bench.measure import Load, play_out
    from bench.script import warm_episodes
    from bench.servers import own_server
    from bench.workers import medians, take_turn

    episodes = warm_episodes()
    load = Load(clients=CLIENTS, episodes=episodes, seconds=TURN_SECONDS)
    servers = {
        size: own_server(database.parent, name=f"serving-{size}", database=f"sqlite:///{database}")
        for size, database in databases.items()
    }
    turns: dict[int, list[Turn]] = {size: [] for size in servers}
    try:
        for server in servers.values():
            server.start()
            play_out(server.port, Load(clients=CLIENTS, episodes=episodes, seconds=0), WARM_UP_EXCHANGES)
        for number in range(TURNS):
            # The order is turned round each time.
            for size in list(servers) if number % 2 == 0 else reversed(list(servers)):
                servers[size].settle()
                turns[size].append(take_turn(servers[size], load))
        memory = {size: server.memory_bytes() / 1e6 for size, server in servers.items()}
        pages = {size: asyncio.run(_time_pages(server)) for size, server in servers.items()}
    finally:
        for server in servers.values():
            server.stop()
    return {size: Served(medians(turns[size]), memory[size], pages[size]) for size in servers}


async def _time_pages(server: Server) -> dict[str, float]:
    import httpx2

    from bench.load import HOST
    from bench.pages import measure_page, pages_of

    async with httpx2.AsyncClient(base_url=f"http://{HOST}:{server.port}") as client:
        return {path: (await measure_page(client, path, REQUESTS_A_PAGE))[0] for path in await pages_of(client)}


def serving_table(served: Mapping[int, Served]) -> Iterator[str]:
    """A table in Markdown, and the CPU of a step on each store against the first."""
    if not served:
        return
    first = next(iter(served.values()))
    yield f"| {CLIENTS} clients | {' | '.join(f'{size:,}' for size in served)} |"
    yield f"| --- |{' --- |' * len(served)}"
    yield _row("steps/s", [f"{each.turn.steps_per_second:,.0f}" for each in served.values()])
    yield _row("CPU of a step, us", [f"{each.turn.cpu_of_step:.0f}" for each in served.values()])
    yield _row("p50 / p99, ms", [f"{each.turn.p50:.1f} / {each.turn.p99:.1f}" for each in served.values()])
    yield _row("memory of the server, MB", [f"{each.memory_mb:.0f}" for each in served.values()])
    yield _row("slowest page, ms", ["{1:.0f}: `{0}`".format(*each.slowest_page) for each in served.values()])
    for path in first.pages:
        yield _row(
            f"`{path}`, ms", [f"{each.pages[path]:.1f}" if path in each.pages else "" for each in served.values()]
        )
    for size, each in served.items():
        ratio = each.turn.cpu_of_step / first.turn.cpu_of_step
        yield f"{size:,}: a step takes {ratio:.2f} of the CPU of the first store (at most {MAX_SLOWER})"


def _row(name: str, cells: list[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"
