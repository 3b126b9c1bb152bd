"""``python -m bench.loop_blocks``: the longest time for which the event loop of a server was blocked under a mixed load.

The server runs as it does under ``mlops-debug serve``, with a ticker on its event loop that measures how late it is woken. The
load: agents that step and submit fixes in words, boards that are asked for, and the background audits and checkpoints of a
store with many episodes. A machine that is busy with other programs delays the ticker, too: ``--idle`` measures how much.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import uvicorn

from bench.frames import encode_frame
from bench.load import HOST
from bench.measure import Load, connected
from bench.script import TASK, Exchange, whole_episode
from bench.servers import free_port
from bench.storage import write_history
from server.app import create_app
from server.gc_tuning import reduce_gc_pauses
from server.settings import Settings

TICK_SECONDS = 0.002
BOARD_SECONDS = 0.25
WORDS = (
    "fit the StandardScaler on training rows only instead of all rows before the split lower the learning rate from 0.5 to "
    "0.01 set optimizer.momentum back use one tokenizer version v3 dropout batch size patience early stopping weight decay "
    "half double not and then"
).split()


class Ticker:
    """Measures by how much a task that sleeps is woken too late, and the CPU time of the thread from one tick to the next. The
    first contains what other programs and the server's own threads take, the second only what ran on the event loop."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self.cpu: list[float] = []

    async def run(self) -> None:
        used = time.thread_time()
        while True:
            due = time.perf_counter() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            self.late.append(time.perf_counter() - due)
            before, used = used, time.thread_time()
            self.cpu.append(used - before)

    def report(self) -> dict[str, Any]:
        return {"ticks": len(self.late), "late": _milliseconds(self.late), "CPU": _milliseconds(self.cpu)}


def _milliseconds(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    shares = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "slowest": 1.0}
    return {name: round(1000 * ordered[int(share * (len(ordered) - 1))], 1) for name, share in shares.items()}


async def _serve(database: str, port: int) -> None:
    """Serve until the standard input is closed, then print the report. The ticks of the start are left out."""
    settings = replace(
        Settings(database_url=database), port=port, checkpoint_seconds=2.0, verify_seconds=1.0, access="open"
    )
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings), host=HOST, port=port, log_level="warning", ws_per_message_deflate=False)
    )
    serving = asyncio.create_task(server.serve())
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.readline)
    reduce_gc_pauses()
    ticker = Ticker()
    ticking = asyncio.create_task(ticker.run())
    await loop.run_in_executor(None, sys.stdin.readline)
    ticking.cancel()
    print(json.dumps(ticker.report()), flush=True)
    server.should_exit = True
    await serving


def episode_in_words(seed: int, draw: random.Random) -> tuple[Exchange, ...]:
    """An episode whose field is named and whose fix is proposed in words that were not read before."""
    words = " ".join(draw.choice(WORDS) for _ in range(draw.randint(10, 90)))[:600]
    name = " ".join(draw.sample(WORDS, 2))  # no path of the registry: it is searched for in the files of the run
    data = {
        "action_type": "submit_diagnosis",
        "root_cause_file": "preprocessing.py",
        "root_cause_field": name,
        "proposed_fix": words,
    }
    text = b'{"type":"step","data":%b}' % json.dumps(data).encode()
    submit = Exchange(json.dumps(data).encode(), text, encode_frame(text), b'"done":true', is_reset=False)
    return (*whole_episode(seed, None)[:-1], submit)


async def _load(port: int, clients: int, seconds: float, *, is_idle: bool, tick: Any) -> int:
    draw = random.Random(1)
    episodes = tuple(episode_in_words(101 + n % 4, draw) for n in range(2000))
    async with httpx2.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=60) as client:
        for seed in range(101, 105):
            (await client.post("/reset", json={"task_id": TASK, "seed": seed})).raise_for_status()
        if is_idle:
            tick()
            await asyncio.sleep(seconds)
            return 0
        load = Load(clients=clients, episodes=episodes, seconds=seconds, strides=True)
        async with connected(port, load) as (tally, playing):
            tally.is_counting = True
            for each in playing:
                each.play()
            tick()
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                for path in ("/leaderboard", "/leaderboard.json", "/state"):
                    await client.get(path)
                await asyncio.sleep(BOARD_SECONDS)
            if tally.failure.done():
                tally.failure.result()
            return len(tally.step_seconds) + len(tally.reset_seconds)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.loop_blocks", description=__doc__)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--history", type=int, default=200_000, help="events that the store has before")
    parser.add_argument("--idle", action="store_true", help="without a load: what the machine itself delays")
    parser.add_argument("--serve", nargs=2, metavar=("DATABASE", "PORT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(_serve(given.serve[0], int(given.serve[1])))
        return
    with tempfile.TemporaryDirectory(prefix="mlops-debug-bench-") as folder:
        database = Path(folder) / "episodes.db"
        write_history(database, given.history)
        port = free_port()
        command = [sys.executable, "-m", "bench.loop_blocks", "--serve", f"sqlite:///{database}", str(port)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
        ) as process:
            _wait_until_it_answers(port)

            def tick() -> None:
                process.stdin.write("\n")  # type: ignore[union-attr]
                process.stdin.flush()  # type: ignore[union-attr]

            exchanges = asyncio.run(_load(port, given.clients, given.seconds, is_idle=given.idle, tick=tick))
            tick()
            report = json.loads(process.stdout.readline())  # type: ignore[union-attr]
            print(f"{exchanges} exchanges in {given.seconds:.0f} s, milliseconds of the event loop: {report}")


def _wait_until_it_answers(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if httpx2.get(f"http://{HOST}:{port}/health").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)
    raise TimeoutError("the server did not start")


if __name__ == "__main__":
    main()
