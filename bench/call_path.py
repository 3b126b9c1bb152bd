"""``python -m bench.call_path``: prints the modules and Python frames of ours that a WebSocket step and a reset go through.

Counted on the thread of the event loop: the writer's thread and the worker processes have a path of their own. A coroutine
is one frame, however often it is resumed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any, Awaitable, Callable, NamedTuple

import httpx2
from starlette.applications import Starlette

from server.app import create_app
from server.scenarios.simulation import InProcessSimulation
from server.settings import Settings

MAX_STEP_MODULES = 9
"""Target of a WebSocket step."""
MAX_RESET_FRAMES = 30
"""Target of a reset with a seed whose scenario is cached."""
STEP = "WebSocket step"
SOCKET_RESET = "WebSocket reset"
_ROOT = Path(__file__).resolve().parents[1]
_OURS = tuple(f"{_ROOT / package}/" for package in ("domain", "server"))
_RESET = {"task_id": "easy", "seed": 1}
_STEP = {"type": "step", "data": {"action_type": "read_config"}}


class CallPath(NamedTuple):
    """The calls of one request, in order."""

    calls: tuple[tuple[str, str], ...]
    """Module and function of each frame of ours."""

    @property
    def modules(self) -> tuple[str, ...]:
        """In the order in which they are entered first."""
        return tuple(dict.fromkeys(module for module, _ in self.calls))


class _Socket:
    """A WebSocket client made of ASGI messages."""

    def __init__(self, app: Starlette) -> None:
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_app: asyncio.Queue[Any] = asyncio.Queue()
        scope = {"type": "websocket", "path": "/ws", "query_string": b"", "headers": [], "subprotocols": []}
        self._task = asyncio.create_task(app(scope, self._to_app.get, self._from_app.put))

    async def open(self) -> None:
        await self._to_app.put({"type": "websocket.connect"})
        await self._from_app.get()

    async def send(self, frame: dict[str, Any]) -> dict[str, Any]:
        await self._to_app.put({"type": "websocket.receive", "text": json.dumps(frame)})
        answered: dict[str, Any] = json.loads((await self._from_app.get())["text"])
        if answered["type"] != "observation":
            raise RuntimeError(f"the server answered {answered}")
        return answered

    async def close(self) -> None:
        await self._to_app.put({"type": "websocket.disconnect", "code": 1000})
        await self._task


async def measure() -> dict[str, CallPath]:
    """Play on an application in this process; the scenario and the compiled statements are cached before."""
    with tempfile.TemporaryDirectory(prefix="mlops-debug-bench-") as folder:
        settings = Settings(database_url=f"sqlite:///{Path(folder) / 'episodes.db'}")
        app = create_app(settings, simulation=InProcessSimulation())
        transport = httpx2.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client,
        ):
            socket = _Socket(app)
            await socket.open()
            for _ in range(2):
                (await client.post("/reset", json=_RESET)).raise_for_status()
                await socket.send({"type": "reset", "data": _RESET})
                await socket.send(_STEP)
            paths = {
                STEP: await _profiled(lambda: socket.send(_STEP)),
                SOCKET_RESET: await _profiled(lambda: socket.send({"type": "reset", "data": _RESET})),
                "POST /reset": await _profiled(lambda: client.post("/reset", json=_RESET)),
            }
            await socket.close()
    return paths


async def _profiled(work: Callable[[], Awaitable[Any]]) -> CallPath:
    frames: dict[FrameType, None] = {}  # kept, so that no two have the same identity

    def record(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(_OURS):
            frames.setdefault(frame)

    sys.setprofile(record)
    try:
        await work()
    finally:
        sys.setprofile(None)
    return CallPath(tuple((_module(each), each.f_code.co_qualname) for each in frames))


def _module(frame: FrameType) -> str:
    return ".".join(Path(frame.f_code.co_filename).relative_to(_ROOT).with_suffix("").parts)


def render(paths: dict[str, CallPath]) -> str:
    """The counts and the calls, module by module."""
    lines: list[str] = []
    for name, path in paths.items():
        lines.append(f"{name}: {len(path.modules)} modules, {len(path.calls)} frames ({_target(name, path)})")
        for module in path.modules:
            lines.append(f"  {module}: {', '.join(function for of, function in path.calls if of == module)}")
    return "\n".join(lines)


def _target(name: str, path: CallPath) -> str:
    if name == STEP:
        counted, limit, unit = len(path.modules), MAX_STEP_MODULES, "modules"
    else:
        counted, limit, unit = len(path.calls), MAX_RESET_FRAMES, "frames"
    return f"target: at most {limit} {unit}, {'met' if counted <= limit else 'missed'}"


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m bench.call_path", description=__doc__).parse_args()
    print(render(asyncio.run(measure())))
