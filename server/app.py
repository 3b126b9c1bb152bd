"""The composition root: settings in, application out. Everything that is opened belongs to the lifespan."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import AsyncIterator, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import WebSocketRoute

from server.authentication import Authentication, is_open
from server.collector import calm_collector
from server.guard import Guard
from server.installation import in_background, installed
from server.logs import keep_secrets_out
from server.mcp.routes import MCP_ROUTES
from server.metrics import Metrics
from server.openapi.routes import OPENAPI_ROUTES
from server.pages.parts import create_pages
from server.pages.routes import page_routes
from server.pages.stopping import noticing_stop
from server.problems import EXPECTED_ERRORS
from server.quanta import Quanta
from server.routes import ROUTES, answer_nobody, answer_problem
from server.settings import Settings, read_settings
from server.supervision import Supervisor
from server.task_routes import TASK_ROUTES
from server.watch import Watch
from server.websocket import SocketEndpoint
from server.world import PooledWorld, World


def create_app_from_environment() -> Starlette:
    """The application of one of several server processes, which are handed their settings by environment."""
    calm_collector()
    return create_app(read_settings(os.environ))


def utc_now() -> datetime:
    return datetime.now(UTC)


def random_id() -> str:
    """128 random bits: where no key guards an episode, its name is the secret. Behind the time in seconds, so that what is
    played at the same time lies together in every index: a step then changes pages that others change, too."""
    return f"{int(time.time()):08x}{secrets.token_urlsafe(16)}"


def create_app(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = utc_now,
    new_id: Callable[[], str] = random_id,
    world: World | None = None,
    quanta: Quanta | None = None,
    supervisor: Supervisor | None = None,
) -> Starlette:
    """The application.

    Args:
        world: what generates and judges; by default, worker processes.
        quanta: with a world of one's own, when its scenarios are answered; None: at once. Worker processes always have one.
    """

    keep_secrets_out()
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        chosen = world or PooledWorld(settings.generator_processes, timeout_seconds=settings.generation_seconds)
        times = Quanta() if world is None else quanta
        async with installed(
            settings, chosen, metrics, quanta=times, clock=clock, new_id=new_id, supervisor=supervisor
        ) as installation:
            app.state.installation = installation
            with noticing_stop() as is_stopping:
                app.state.pages = create_pages(installation, new_id=new_id, is_stopping=is_stopping)
                async with in_background(installation.supervisor, "live-feed", app.state.pages.feed.run):
                    yield

    sockets = (WebSocketRoute(path, SocketEndpoint()) for path in ("/ws", "/sessions/{session_key}/ws"))
    return Starlette(
        routes=[*ROUTES, *page_routes(), *MCP_ROUTES, *OPENAPI_ROUTES, *TASK_ROUTES, *sockets],
        exception_handlers={
            **dict.fromkeys((*EXPECTED_ERRORS, HTTPException, Exception), answer_problem),
            ClientDisconnect: answer_nobody,
        },
        middleware=[
            Middleware(Watch, metrics=metrics, is_logging=settings.access_log),
            Middleware(Guard, settings=settings),
            Middleware(Authentication, is_open=is_open(settings)),
        ],
        lifespan=lifespan,
    )
