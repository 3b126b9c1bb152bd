"""``/rounds``: a page for browsers, JSON for programs, by what they accept."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from domain.json import encode_json
from server.web.context import json_response, services_of
from server.web.pages.context import page_context, with_error_page
from server.web.pages.queries import read_entrants
from server.web.pages.refused import is_browser


async def rounds(request: Request) -> Response:
    response = await _page(request) if is_browser(request.scope) else await rounds_json(request)
    response.headers["Vary"] = "Accept"
    return response


async def rounds_json(request: Request) -> Response:
    return json_response(encode_json({"rounds": await services_of(request).rounds.published()}))


@with_error_page
async def _page(request: Request) -> Response:
    services = services_of(request)
    return page_context(request).renderer.page(
        "rounds.html",
        section="rounds",
        rounds=await services.rounds.published(),
        entrants=await read_entrants(services.reader),
    )
