"""What page handlers use beside the installation, and how they answer errors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from server.installation import Installation
from server.pages.auditing import AuditQueue
from server.pages.feed import Feed
from server.pages.rendering import Renderer
from server.pages.twins import Twins
from server.problems import EXPECTED_ERRORS, RETRY_AFTER_SECONDS, Problem, problem_of

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


def create_pages(installation: Installation, *, new_id: Callable[[], str], is_stopping: Callable[[], bool]) -> Pages:
    return Pages(
        Renderer(),
        Feed(installation.reader),
        Twins(installation.world),
        AuditQueue(),
        new_id,
        is_stopping,
    )


def pages_of(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


def installation_of(request: Request) -> Installation:
    installation: Installation = request.app.state.installation
    return installation


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
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if problem.status in (429, 503) else {}
    return pages_of(request).renderer.page(
        "error.html", status=problem.status, headers=headers, here="", problem=problem
    )
