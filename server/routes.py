"""The table of routes: REST, rounds, pages, MCP, OpenAPI, the Task API and WebSockets.

Rule 1: the first route that fits a path answers; the Task API begins with a parameter, so it stands behind all other paths.
Rule 2: handlers are in ``server.web``; what an operation takes and answers is in ``server.web.openapi.operations``.
"""

from __future__ import annotations

from typing import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute

from server.web.api import episodes, meta, rounds, sessions, tasks
from server.web.api.websocket import SocketEndpoint
from server.web.mcp.frames import answer_frame
from server.web.mcp.http import mcp
from server.web.mcp.websocket import McpSocketEndpoint
from server.web.openapi import handlers as openapi
from server.web.pages import home
from server.web.pages import rounds as rounds_page
from server.web.pages.agents import page as agents
from server.web.pages.board import page as board
from server.web.pages.episode import page as episode
from server.web.pages.episode_list import page as episode_list
from server.web.pages.live import page as live
from server.web.pages.play import page as play
from server.web.pages.rendering import PageFiles

Handler = Callable[[Request], Awaitable[Response]]


def _get(path: str, handler: Handler) -> Route:
    return Route(path, handler, methods=["GET"])


def _post(path: str, handler: Handler) -> Route:
    return Route(path, handler, methods=["POST"])


REST_ROUTES = (
    _post("/reset", episodes.reset),
    _post("/step", episodes.step),
    _post("/episodes/{episode_id}/step", episodes.step),
    _get("/state", episodes.state),
    _get("/episodes/{episode_id}/state", episodes.state),
    _get("/episodes/{episode_id}/events", episodes.events),
    _get("/episodes.json", episode_list.episodes_json),
    _get("/agent.json", agents.agent_json),
    _get("/run.json", agents.run_json),
    _post("/episodes/{episode_id}/transcript", episodes.share_transcript),
    _get("/openenv/state", episodes.openenv_state),
    _post("/sessions/{session_key}/reset", sessions.session_reset),
    _post("/sessions/{session_key}/step", sessions.session_step),
    _get("/sessions/{session_key}/state", sessions.session_state),
    _get("/tasks", meta.tasks),
    _get("/rounds", rounds_page.rounds),
    _get("/rounds.json", rounds_page.rounds_json),
    _get("/leaderboard.json", rounds.leaderboard_json),
    _get("/leaderboard.csv", rounds.leaderboard_csv),
    _get("/public-key", rounds.public_key),
    _get("/checkpoint", rounds.checkpoint),
    _get("/health", meta.health),
    _get("/ready", meta.ready),
    _get("/metrics", meta.metrics),
    _get("/metadata", meta.metadata),
    _get("/schema", meta.schema),
)
PAGE_ROUTES = (
    _get("/", home.home_page),
    _get("/episodes", episode_list.episode_list_page),
    _get("/episodes/{episode_id}", episode.episode_page),
    _post("/episodes/{episode_id}/audit", episode.audit_episode_page),
    _get("/agent", agents.agent_page),
    _get("/run", agents.run_page),
    _get("/compare", episode.comparison_page),
    _get("/leaderboard", board.leaderboard_page),
    _get("/live", live.live_page),
    _get("/live/feed", live.live_feed),
    _get("/play", play.play_page),
    _post("/play/begin", play.begin_episode),
    _post("/play/act", play.take_step),
    Mount("/static", PageFiles(), name="static"),
)
MCP_ROUTES = (
    _post("/mcp", mcp),
    _post("/sessions/{session_key}/mcp", mcp),
    WebSocketRoute("/mcp", McpSocketEndpoint()),
    WebSocketRoute("/sessions/{session_key}/mcp", McpSocketEndpoint()),
)
OPENAPI_ROUTES = (
    _get("/openapi.json", openapi.openapi),
    _get("/docs", openapi.docs),
    _get("/docs/{asset}", openapi.docs_asset),
)
TASK_ROUTES = (
    _get("/list_environments", tasks.environments),
    _get("/{env_name}/splits", tasks.splits),
    _post("/{env_name}/tasks", tasks.tasks),
    _post("/{env_name}/num_tasks", tasks.num_tasks),
    _post("/{env_name}/task", tasks.task),
    _post("/{env_name}/task_range", tasks.task_range),
)
_SOCKET = SocketEndpoint(answer_frame)
SOCKET_ROUTES = (
    WebSocketRoute("/ws", _SOCKET),
    WebSocketRoute("/sessions/{session_key}/ws", _SOCKET),
)

ROUTES: tuple[Route | Mount | WebSocketRoute, ...] = (
    *REST_ROUTES,
    *PAGE_ROUTES,
    *MCP_ROUTES,
    *OPENAPI_ROUTES,
    *TASK_ROUTES,
    *SOCKET_ROUTES,
)
