"""The list of REST routes and their thin handlers."""

from __future__ import annotations

from starlette.routing import Route

from server.web.api.episodes import (
    events,
    openenv_state,
    reset,
    state,
    step,
)
from server.web.api.meta import health, metadata, metrics, ready, schema, tasks
from server.web.api.rounds import RANKED_ROUTES
from server.web.api.sessions import session_reset, session_state, session_step

ROUTES = (
    Route("/reset", reset, methods=["POST"]),
    Route("/step", step, methods=["POST"]),
    Route("/episodes/{episode_id}/step", step, methods=["POST"]),
    Route("/state", state, methods=["GET"]),
    Route("/episodes/{episode_id}/state", state, methods=["GET"]),
    Route("/episodes/{episode_id}/events", events, methods=["GET"]),
    Route("/openenv/state", openenv_state, methods=["GET"]),
    Route("/sessions/{session_key}/reset", session_reset, methods=["POST"]),
    Route("/sessions/{session_key}/step", session_step, methods=["POST"]),
    Route("/sessions/{session_key}/state", session_state, methods=["GET"]),
    Route("/tasks", tasks, methods=["GET"]),
    *RANKED_ROUTES,
    Route("/health", health, methods=["GET"]),
    Route("/ready", ready, methods=["GET"]),
    Route("/metrics", metrics, methods=["GET"]),
    Route("/metadata", metadata, methods=["GET"]),
    Route("/schema", schema, methods=["GET"]),
)
