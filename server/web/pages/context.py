"""What page handlers use beside the installation, and how they answer errors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from server.services import Services
from server.web.error_mapping import EXPECTED_ERRORS, problem_of
from server.web.pages.episode.audit_limit import AuditQueue
from server.web.pages.episode.twins import Twins
from server.web.pages.live.feed import Feed
from server.web.pages.rendering import Renderer
from server.web.problem_details import Problem

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Pages:
    """The parts of the pages."""

    renderer: Renderer
    feed: Feed
    twins: Twins
    auditing: AuditQueue
    new_id: Callable[[], str]
    is_stopping: Callable[[], bool]
    """Whether the server was told to stop."""


def create_pages(services: Services, *, new_id: Callable[[], str], is_stopping: Callable[[], bool]) -> Pages:
    return Pages(
        Renderer(),
        Feed(services.reader),
        Twins(services.world),
        AuditQueue(),
        new_id,
        is_stopping,
    )


def pages_of(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


def page(handler: Handler) -> Handler:
    """A handler whose errors are answered with a page instead of a problem object."""

    @wraps(handler)
    async def answering(request: Request) -> Response:
        try:
            return await handler(request)
        except EXPECTED_ERRORS as error:
            return error_page(request, problem_of(error))

    return answering


def error_page(request: Request, problem: Problem) -> Response:
    return pages_of(request).renderer.page(
        "error.html", status=problem.status, headers=problem.headers, here="", problem=problem
    )
