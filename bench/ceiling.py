"""The ceiling: bare Starlette that answers with the bytes this server answered, and does nothing for them."""

from __future__ import annotations

import json
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect


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
            if text in recorded:
                answers, at = recorded[text], 0
            await websocket.send_text(answers[at])
            at += 1
    except WebSocketDisconnect:
        return


def create_ceiling(recording: Path) -> Starlette:
    """``recording``: JSON of the frame of each reset to the answers of its episode."""
    app = Starlette(routes=[Route("/health", health), WebSocketRoute("/ws", echo)])
    app.state.recorded = json.loads(recording.read_text())
    return app
