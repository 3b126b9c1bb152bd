"""How long the pages take on the server with many episodes in the store, and whether their queries use indexes.

``python -m bench.pages`` fills a database with 100,000 episodes (about a million events) and prints times and query plans.
The first look at an episode that is over also generates its healthy twin; the slowest time shows that.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import Connection, text
from sqlalchemy.dialects import sqlite

from bench.fill_store import fill
from server.app import create_app
from server.settings import Settings
from server.storage.engines import create_write_engine, parse_url
from server.web.pages.episode_list.filter import parse_list_request
from server.web.pages.episode_list.query import list_query

LIMIT_MS = 100.0
ROUNDS = 15
LISTS = (
    "",
    "?sort=oldest",
    "?sort=best",
    "?sort=worst",
    "?sort=longest",
    "?task=hard",
    "?task=hard&status=idle",
    "?status=running",
    "?status=abandoned",
    "?agent=agent-123",
    "?agent=agent-123&sort=best",
    "?q=agent-12&sort=shortest",
    "?q=nobody",
    "?least_score=0.985",
    "?least_score=1",
    "?least_steps=40",
    "?least_steps=11&task=medium&sort=best",
    "?agent=agent-123&task=easy&status=idle",
)
DEEP = ("?after=~500001", "?sort=best&after=~500001", "?before=~500001")
"""Far down the list, found by their key."""


async def measure_page(client: httpx2.AsyncClient, path: str, requests: int = ROUNDS) -> tuple[float, float, int]:
    """Median and slowest of some requests in ms, and the bytes of the answer."""
    taken = []
    for _ in range(requests):
        before = time.perf_counter()
        response = await client.get(path)
        taken.append((time.perf_counter() - before) * 1000)
        if response.status_code != 200:
            raise RuntimeError(f"{path}: {response.status_code}")
    return statistics.median(taken), max(taken), len(response.content)


async def pages_of(client: httpx2.AsyncClient) -> list[str]:
    """The paths of pages that read many rows or long episodes; those of which the store has something to show."""
    over = (await client.get("/episodes?status=ended&sort=oldest")).text
    ids = list(dict.fromkeys(re.findall(r'href="[^"]*episodes/([0-9a-f]{32})"', over)))[:2]
    of_episodes = [f"/episodes/{ids[0]}", f"/compare?a={ids[0]}&b={ids[-1]}"] if ids else []
    of_agents = [path for path in ("/agent?name=agent-123",) if (await client.get(path)).status_code == 200]
    paths = ["/", "/live", "/play", "/rounds", "/leaderboard", *of_agents, *of_episodes]
    return [*paths, *(f"/episodes{query}" for query in (*LISTS, *DEEP))]


async def _times(settings: Settings) -> bool:
    app = create_app(settings)
    transport = httpx2.ASGITransport(app)
    is_met = True
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://bench") as client,
    ):
        print(f"{'page':<62}{'median ms':>10}{'slowest ms':>12}{'KB':>7}")
        for path in await pages_of(client):
            median, slowest, size = await measure_page(client, path)
            is_met &= median < LIMIT_MS
            print(f"{path:<62}{median:>10.1f}{slowest:>12.1f}{size / 1024:>7.0f}")
    return is_met


def _plans(connection: Connection) -> None:
    for query in LISTS:
        request = parse_list_request(dict(pair.split("=") for pair in query.lstrip("?").split("&") if pair))
        agents = (
            (request.filter.agent,)
            if request.filter.agent
            else ("agent-120", "agent-121")
            if request.filter.q
            else None
        )
        statement = list_query(request.filter, agents, None, is_backward=False)
        sql = statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
        plan = [row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {sql}".replace(":", "\\:")))]
        print(f"\n/episodes{query}")
        for step in plan:
            print(f"    {step}")


async def run(folder: Path, count: int) -> bool:
    path = folder / "many.db"
    if not path.exists():
        before = time.perf_counter()
        events = await fill(path, count)
        print(f"filled {path} with {count} episodes and {events} events in {time.perf_counter() - before:.0f} s")
    settings = Settings(database_url=f"sqlite:///{path}")
    is_met = await _times(settings)
    engine = create_write_engine(parse_url(settings.database_url))
    with engine.connect() as connection:
        _plans(connection)
    engine.dispose()
    print(f"\nevery page's median is {'below' if is_met else 'NOT below'} {LIMIT_MS:.0f} ms")
    return is_met


def main() -> None:
    parser: Any = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="Where the database is kept; default: a folder that is removed.")
    asked = parser.parse_args()
    if asked.folder is not None:
        asked.folder.mkdir(parents=True, exist_ok=True)
        raise SystemExit(0 if asyncio.run(run(asked.folder, asked.episodes)) else 1)
    with tempfile.TemporaryDirectory() as folder:
        raise SystemExit(0 if asyncio.run(run(Path(folder), asked.episodes)) else 1)


if __name__ == "__main__":
    main()
