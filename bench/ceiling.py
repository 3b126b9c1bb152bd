"""The ceiling: bare Starlette that answers with the bytes this server answered, and does nothing for them."""

from __future__ import annotations

import json
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from bench.script import NAMED


async def health(request: Request) -> Response:
    return JSONResponse({"status": "healthy"})


async def echo(websocket: WebSocket) -> None:
    """The recorded answers of the episode that a reset names, one after another."""
    recorded: dict[str, list[str]] = websocket.app.state.recorded
    await websocket.accept()
    answers: list[str] = []
    at = 0
    try:
        while True:
            text = await websocket.receive_text()
            found = recorded.get(_unnamed(text))
            if found is not None:
                answers, at = found, 0
            await websocket.send_text(answers[at])
            at += 1
    except WebSocketDisconnect:
        return


def _unnamed(text: str) -> str:
    """A reset without the name of its episode; any other frame as it is."""
    return text.partition(NAMED)[0].removesuffix("}}")


def create_ceiling(recording: Path) -> Starlette:
    """``recording``: JSON of the frame of each reset to the answers of its episode."""
    app = Starlette(routes=[Route("/health", health), WebSocketRoute("/ws", echo)])
    app.state.recorded = {_unnamed(text): answers for text, answers in json.loads(recording.read_text()).items()}
    return app
