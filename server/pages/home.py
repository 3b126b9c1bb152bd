"""The front page: what this is, how to connect, how much there is."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from domain.tasks import TASKS
from server.pages.forms import scheme_of
from server.pages.parts import installation_of, page, pages_of
from server.pages.queries import read_counts, read_ended

_NEWEST = 6


@page
async def show_home(request: Request) -> Response:
    installation = installation_of(request)
    return pages_of(request).renderer.page(
        "home.html",
        here="home",
        counts=await read_counts(installation.reader),
        ended=await read_ended(installation.reader, _NEWEST),
        tasks=TASKS.values(),
        round=_current(await installation.rounds.published()),
        address=f"{scheme_of(request)}://{request.url.netloc}",
    )


def _current(rounds: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The open round that was opened last, else the newest; null: there was none."""
    return next((each for each in rounds if each["closed_at"] is None), rounds[0] if rounds else None)
