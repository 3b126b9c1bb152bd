"""The page of the board."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from server.ranking.errors import UnknownRoundError
from server.web.context import services_of
from server.web.pages.board.view import show_board
from server.web.pages.context import page, pages_of

_ASKED = ("round", "suite", "rubric_version")


@page
async def show_leaderboard(request: Request) -> Response:
    services = services_of(request)
    wanted = {name: value for name in _ASKED if (value := request.query_params.get(name, "").strip())}
    try:
        board = show_board(
            await services.board(
                round_id=wanted.get("round"),
                suite_id=wanted.get("suite"),
                rubric_version=wanted.get("rubric_version"),
            )
        )
    except UnknownRoundError:
        board = None  # no round fits, or there is none at all: the page says how to open one
    return pages_of(request).renderer.page(
        "board.html",
        status=404 if board is None and wanted else 200,
        here="board",
        board=board,
        wanted=wanted,
        rounds=await services.rounds.published(),
    )
