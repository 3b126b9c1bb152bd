"""The application that serves a run's folder: reads only, and has no database."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from mlops_debug_env.exports.run_reader import RunReader
from server.web.pages.rendering import PageFiles, Renderer
from server.web.pages.run_folder.view import ROWS_PER_PAGE, counts_of, turns_of


def create_run_app(folder: Path, *, hosts: list[str]) -> Starlette:
    """The application.

    Args:
        folder: of the run.
        hosts: names under which it is reached; a page of another host cannot read it.
    """
    reader, renderer = RunReader(folder), Renderer()
    routes = [
        Route("/", partial(_run_page, reader, renderer, folder.resolve().name), methods=["GET"]),
        Route("/episodes/{episode_id}", partial(_episode_page, reader, renderer), methods=["GET"]),
        Mount("/static", PageFiles(), name="static"),
    ]
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts)])


async def _run_page(reader: RunReader, renderer: Renderer, name: str, request: Request) -> Response:
    rows = await asyncio.to_thread(reader.episodes)
    page = _number(request.query_params.get("page"), last=max(1, -(-len(rows) // ROWS_PER_PAGE)))
    start = (page - 1) * ROWS_PER_PAGE
    return renderer.page(
        "run.html",
        section="run",
        name=name,
        run=reader.header(),
        counts=counts_of(rows),
        rows=rows[start : start + ROWS_PER_PAGE],
        earlier=page - 1 if page > 1 else None,
        later=page + 1 if start + ROWS_PER_PAGE < len(rows) else None,
    )


async def _episode_page(reader: RunReader, renderer: Renderer, request: Request) -> Response:
    episode = await asyncio.to_thread(reader.read, request.path_params["episode_id"])
    if episode is None:
        return renderer.page("run_missing.html", status=404, section="run")
    return renderer.page(
        "run_episode.html",
        section="run",
        run=reader.header(),
        row=episode.row,
        first=episode.first,
        turns=turns_of(episode),
    )


def _number(text: str | None, *, last: int) -> int:
    """A page that there is."""
    return min(max(int(text), 1), last) if text is not None and text.isascii() and text.isdigit() else 1
