"""Handler of the leaderboard page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from server.ranking.errors import UnknownRoundError
from server.threads import BOARDS, run_in_thread
from server.web.context import services_of
from server.web.pages.board.view import build_board_view
from server.web.pages.context import page_context, with_error_page

_FILTERS = ("round", "suite", "rubric_version")


@with_error_page
async def leaderboard_page(request: Request) -> Response:
    services = services_of(request)
    filters = {name: value for name in _FILTERS if (value := request.query_params.get(name, "").strip())}
    try:
        board = await services.boards.get(
            round_id=filters.get("round"),
            suite_id=filters.get("suite"),
            rubric_version=filters.get("rubric_version"),
        )
    except UnknownRoundError:
        board = None  # no round matches, or there is none: the page explains how to open one
    published, renderer = await services.rounds.published(), page_context(request).renderer

    def render() -> Response:
        return renderer.page(
            "board.html",
            status=404 if board is None and filters else 200,
            section="board",
            board=None if board is None else build_board_view(board.document),
            filters=filters,
            rounds=published,
        )

    return await run_in_thread(BOARDS, render)
