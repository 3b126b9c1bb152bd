"""Handler of the front page: introduction, how to connect, counters."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from domain.tasks.table import TASKS
from server.web.context import services_of
from server.web.pages.context import page_context, with_error_page
from server.web.pages.forms import request_scheme
from server.web.pages.queries import read_counts, read_ended

_NEWEST = 6


@with_error_page
async def home_page(request: Request) -> Response:
    services = services_of(request)
    return page_context(request).renderer.page(
        "home.html",
        section="home",
        counts=await read_counts(services.reader, page_context(request).totals),
        ended=await read_ended(services.reader, _NEWEST),
        tasks=TASKS.values(),
        round=_current(await services.rounds.published()),
        address=f"{request_scheme(request)}://{request.url.netloc}{services.settings.root_path}",
    )


def _current(rounds: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The open round that was opened last, else the newest round; None: there is none."""
    return next((each for each in rounds if each["closed_at"] is None), rounds[0] if rounds else None)
