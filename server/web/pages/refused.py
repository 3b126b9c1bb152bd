"""The page that a browser gets where middleware refuses a request: it says what to do."""

from __future__ import annotations

from typing import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from server.web.pages.rendering import Renderer
from server.web.problem_details import Problem


def is_browser(scope: Scope) -> bool:
    """Whether a person is likely to read the answer: a plain read that prefers HTML."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    return b"text/html" in dict(scope["headers"]).get(b"accept", b"")


def refused_page(scope: Scope, problem: Problem, headers: Mapping[str, str]) -> Response:
    """The page of a refused request."""
    request = Request(scope)
    query = f"?{request.url.query}" if request.url.query else ""
    renderer: Renderer = scope["app"].state.pages.renderer
    return renderer.page(
        "refused.html",
        status=problem.status,
        headers={**headers, **problem.headers, "Vary": "Accept"},
        section="",
        problem=problem,
        address=f"{request.url.path}{query}",
        wants_to_play=request.url.path.startswith("/play"),
    )
