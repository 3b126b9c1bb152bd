"""The front page: what this is, how to connect, how much there is."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from domain.tasks.table import TASKS
from server.web.context import services_of
from server.web.pages.context import page, pages_of
from server.web.pages.forms import scheme_of
from server.web.pages.queries import read_counts, read_ended

_NEWEST = 6


@page
async def show_home(request: Request) -> Response:
    services = services_of(request)
    return pages_of(request).renderer.page(
        "home.html",
        here="home",
        counts=await read_counts(services.reader),
        ended=await read_ended(services.reader, _NEWEST),
        tasks=TASKS.values(),
        round=_current(await services.rounds.published()),
        address=f"{scheme_of(request)}://{request.url.netloc}",
    )


def _current(rounds: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The open round that was opened last, else the newest; null: there was none."""
    return next((each for each in rounds if each["closed_at"] is None), rounds[0] if rounds else None)
