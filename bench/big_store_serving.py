"""Measures serving on stores of several sizes in turns: steps/s, CPU of a step, memory of the server, and its slowest page."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
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
        pages = asyncio.run(_time_pages(servers))
    finally:
        for server in servers.values():
            server.stop()
    return {size: Served(medians(turns[size]), memory[size], pages[size]) for size in servers}


async def _time_pages(servers: Mapping[int, Server]) -> dict[int, dict[str, float]]:
    """For each store, its pages with their median times in ms. The servers take turns at each page."""
    import httpx2

    from bench.load import HOST
    from bench.pages import measure_page, pages_of

    taken: dict[int, dict[str, float]] = {size: {} for size in servers}
    async with AsyncExitStack() as opened:
        clients = {
            size: await opened.enter_async_context(httpx2.AsyncClient(base_url=f"http://{HOST}:{server.port}"))
            for size, server in servers.items()
        }
        # Those of an episode have another path in each store.
        paths = {size: {page_name(path): path for path in await pages_of(client)} for size, client in clients.items()}
        for name in dict.fromkeys(name for of in paths.values() for name in of):
            for size in (each for each in paths if name in paths[each]):
                taken[size][name] = (await measure_page(clients[size], paths[size][name], REQUESTS_A_PAGE))[0]
    return taken


def page_name(path: str) -> str:
    """The path without the id of an episode."""
    if path.startswith("/compare"):
        return "/compare?a=…&b=…"
    return "/episodes/…" if path.startswith("/episodes/") else path


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
    for path in dict.fromkeys(path for each in served.values() for path in each.pages):
        yield _row(
            f"`{path}`, ms", [f"{each.pages[path]:.1f}" if path in each.pages else "" for each in served.values()]
        )
    for size, each in served.items():
        ratio = each.turn.cpu_of_step / first.turn.cpu_of_step
        yield f"{size:,}: a step takes {ratio:.2f} of the CPU of the first store (at most {MAX_SLOWER})"


def _row(name: str, cells: list[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"
