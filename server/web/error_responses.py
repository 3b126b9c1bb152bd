"""Exception handlers: render any error as application/problem+json."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from server.web.error_mapping import problem_of
from server.web.problem_details import MEDIA_TYPE, METHOD_NOT_ALLOWED, NOT_FOUND


async def answer_left_client(request: Request, error: Exception) -> Response:
    """Answer a client that left before its request was complete: nothing was done, and the server did not fail."""
    return Response(status_code=400)


async def answer_problem(request: Request, error: Exception) -> Response:
    """Render any error as problem details."""
    if isinstance(error, HTTPException):
        is_method = error.status_code == 405
        problem = (
            METHOD_NOT_ALLOWED.problem(method=request.method) if is_method else NOT_FOUND.problem(path=request.url.path)
        )
        headers = dict(error.headers or {})  # Allow, with 405
    else:
        problem = problem_of(error)
        headers = problem.headers
    return Response(problem.body(), status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)
