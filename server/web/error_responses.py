"""Exception handlers: render any error as application/problem+json."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from server.web.error_mapping import (
    MEDIA_TYPE,
    RETRY_AFTER_SECONDS,
    Problem,
    method_not_allowed,
    not_found,
    problem_of,
)


async def answer_nobody(request: Request, error: Exception) -> Response:
    """The client left before its request was whole: nothing was done, and that is no failure of the server."""
    return Response(status_code=400)


async def answer_problem(request: Request, error: Exception) -> Response:
    """The one way an error leaves."""
    headers: dict[str, str] = {}
    if isinstance(error, HTTPException):
        headers = dict(error.headers or {})  # Allow, with 405
        error = method_not_allowed(request.method) if error.status_code == 405 else not_found(request.url.path)
    problem: Problem = problem_of(error)
    if problem.status in (429, 503):
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return Response(problem.body(), status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)
