"""Builds the ASGI application from settings (composition root). The lifespan opens and closes what it uses."""

from __future__ import annotations

import secrets
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import AsyncIterator, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect

from server.logs import redact_server_logs
from server.metrics import Metrics
from server.routes import ROUTES
from server.scenarios.answer_timing import AnswerTiming
from server.scenarios.simulation import PooledSimulation, Simulation
from server.services import open_services, run_in_background
from server.settings import Settings
from server.supervision import Supervisor
from server.web.error_mapping import EXPECTED_ERRORS, answer_left_client, answer_problem
from server.web.middleware.access_log import RequestMetricsMiddleware
from server.web.middleware.authentication import AuthenticationMiddleware, is_open
from server.web.middleware.browser_security import HostOriginMiddleware
from server.web.middleware.root_path import RootPathMiddleware
from server.web.pages.context import answer_http_error, create_page_context
from server.web.pages.live.shutdown import watch_stop_signals
from server.worker_slot import WorkerSlot

utc_now: Callable[[], datetime] = partial(datetime.now, UTC)


def random_id() -> str:
    """The time in seconds, then 128 random bits: without an API key, the name of an episode is the secret that guards it.
    The time goes first so that episodes played at the same time share pages of every index."""
    return f"{int(time.time()):08x}{secrets.token_urlsafe(16)}"


def create_app(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = utc_now,
    new_id: Callable[[], str] = random_id,
    simulation: Simulation | None = None,
    answer_timing: AnswerTiming | None = None,
    supervisor: Supervisor | None = None,
    slot: WorkerSlot | None = None,
) -> Starlette:
    """The application.

    Args:
        simulation: runs generation, verification and grading; None: worker processes.
        answer_timing: with ``simulation``, when answers that took generation are sent; None: at once. Worker processes always
            have one.
        slot: which of several processes of one server this is; None: the only one.
    """

    redact_server_logs()
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        chosen = simulation or PooledSimulation(
            settings.generator_processes, timeout_seconds=settings.generation_seconds
        )
        times = AnswerTiming() if simulation is None else answer_timing
        async with open_services(
            settings,
            chosen,
            metrics,
            answer_timing=times,
            clock=clock,
            new_id=new_id,
            supervisor=supervisor,
            slot=slot,
        ) as services:
            app.state.services = services
            with watch_stop_signals() as is_stopping:
                app.state.pages = create_page_context(services, new_id=new_id, is_stopping=is_stopping)
                async with run_in_background(services.supervisor, "live-feed", app.state.pages.feed.run):
                    yield

    return Starlette(
        routes=ROUTES,
        exception_handlers={
            **dict.fromkeys((*EXPECTED_ERRORS, Exception), answer_problem),
            HTTPException: answer_http_error,
            ClientDisconnect: answer_left_client,
        },
        middleware=[
            Middleware(RootPathMiddleware, root_path=settings.root_path),
            Middleware(RequestMetricsMiddleware, metrics=metrics, is_logging=settings.access_log),
            Middleware(HostOriginMiddleware, settings=settings),
            Middleware(AuthenticationMiddleware, is_open=is_open(settings)),
        ],
        lifespan=lifespan,
    )
