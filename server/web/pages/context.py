"""Dependencies of page handlers beside ``Services``, and their error pages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from server.services import Services
from server.web.error_mapping import EXPECTED_ERRORS, answer_problem, problem_of
from server.web.pages.episode.audit_limit import AuditQueue
from server.web.pages.episode.twins import TwinCache
from server.web.pages.episode_list.outcomes import FaultNames
from server.web.pages.episode_list.totals import TotalsCache
from server.web.pages.live.feed import Feed
from server.web.pages.refused import is_browser
from server.web.pages.rendering import Renderer
from server.web.problem_details import NOT_FOUND, Problem

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class PageContext:
    """Dependencies of all page handlers, created once per application."""

    renderer: Renderer
    feed: Feed
    twins: TwinCache
    audit_queue: AuditQueue
    fault_names: FaultNames
    totals: TotalsCache
    new_id: Callable[[], str]
    is_stopping: Callable[[], bool]
    """Whether the server is shutting down."""


def create_page_context(
    services: Services, *, new_id: Callable[[], str], is_stopping: Callable[[], bool]
) -> PageContext:
    """The context of an application; its feed must be run in the background."""
    return PageContext(
        Renderer(services.settings.frame_ancestors),
        Feed(services.reader),
        TwinCache(services.simulation),
        AuditQueue(),
        FaultNames(services),
        TotalsCache(services),
        new_id,
        is_stopping,
    )


def page_context(request: Request) -> PageContext:
    pages: PageContext = request.app.state.pages
    return pages


def with_error_page(handler: Handler) -> Handler:
    """Decorator: renders expected errors of a handler as an HTML page instead of a problem object."""

    @wraps(handler)
    async def wrapped(request: Request) -> Response:
        try:
            return await handler(request)
        except EXPECTED_ERRORS as error:
            return error_page(request, problem_of(error))

    return wrapped


async def answer_http_error(request: Request, error: Exception) -> Response:
    """Exception handler of the application: an unknown path is a page for a person, and problem details for a program."""
    if isinstance(error, HTTPException) and error.status_code == 404 and is_browser(request.scope):
        return error_page(request, NOT_FOUND.problem(path=request.url.path))
    return await answer_problem(request, error)


def error_page(request: Request, problem: Problem) -> Response:
    """The page of an error."""
    return page_context(request).renderer.page(
        "error.html", status=problem.status, headers=problem.headers, section="", problem=problem
    )
