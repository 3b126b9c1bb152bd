"""Handlers of the OpenAPI document and of the page that shows it. The page loads nothing from another host."""

from __future__ import annotations

import asyncio
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from server.web.context import json_response
from server.web.pages.context import page_context
from server.web.pages.rendering import NO_ANCESTORS
from server.web.problem_details import NOT_FOUND

_FOLDER = Path(__file__).with_name("viewer")
_ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "docs.js": "text/javascript"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    f"connect-src 'self'; base-uri 'none'; form-action 'none'; {NO_ANCESTORS}"
)
"""The viewer sets style attributes; it runs no inline script."""


async def openapi(_: Request) -> Response:
    return json_response(await asyncio.to_thread(_document))


def _document() -> bytes:
    """Made when it is first asked for: importing its models and building it would take their time from each start."""
    from server.web.openapi.document import openapi_json

    return openapi_json()


async def docs(request: Request) -> Response:
    renderer = page_context(request).renderer
    return renderer.page("docs.html", section="docs", headers={"Content-Security-Policy": _POLICY})


async def docs_asset(request: Request) -> Response:
    name = request.path_params["asset"]
    if name not in _ASSETS:
        raise NOT_FOUND.problem(path=request.url.path)
    return FileResponse(_FOLDER / name, media_type=_ASSETS[name], headers={"Cache-Control": "max-age=86400"})
