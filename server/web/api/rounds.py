"""REST handlers of the board of a round, and what proves the record: the public key and checkpoints. All of it is public."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from domain.json import encode_json
from server.ranking.board import board_csv, empty_board
from server.ranking.board_cache import Board
from server.ranking.errors import UnknownRoundError
from server.threads import BOARDS, run_in_thread
from server.web.context import json_response, services_of


async def leaderboard_json(request: Request) -> Response:
    return json_response((await _board(request)).json)


async def leaderboard_csv(request: Request) -> Response:
    board = (await _board(request)).document
    name = "leaderboard" if board["round"] is None else f"leaderboard-{board['round']}"
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    text = await run_in_thread(BOARDS, board_csv, board["rows"])
    return Response(text, media_type="text/csv", headers=headers)


async def public_key(request: Request) -> Response:
    return json_response(encode_json({"algorithm": "Ed25519", "public_key": services_of(request).signer.public_key}))


async def checkpoint(request: Request) -> Response:
    return json_response(encode_json({"checkpoint": await services_of(request).checkpointer.latest()}))


async def _board(request: Request) -> Board:
    """The board that the query selects; an empty one where the query names nothing and there is no round."""
    query = request.query_params
    wanted = {name: value for name in ("round", "suite", "rubric_version") if (value := query.get(name, "").strip())}
    try:
        return await services_of(request).boards.get(
            round_id=wanted.get("round"), suite_id=wanted.get("suite"), rubric_version=wanted.get("rubric_version")
        )
    except UnknownRoundError:
        if wanted:
            raise
        return Board(empty_board(), encode_json(empty_board()))
