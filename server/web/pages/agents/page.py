"""Handlers of the pages of an agent and of a run, and of the same as JSON."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from domain.json import encode_json
from server.security.identity import given_name
from server.web.context import json_response, services_of
from server.web.pages.agents.view import Standing, read_runs, read_standing
from server.web.pages.context import page_context, with_error_page
from server.web.pages.episode_list.filter import ListFilter, ListRequest, NamedQuery, parse_list_request
from server.web.pages.episode_list.query import read_list
from server.web.pages.episode_list.rows import EpisodeRow, build_rows
from server.web.problem_details import UNKNOWN_AGENT, UNKNOWN_RUN

_NEWEST = 10
_ROWS_OF_RUN = 100


@with_error_page
async def agent_page(request: Request) -> Response:
    name, standing = await _agent(request)
    return page_context(request).renderer.page(
        "agent.html",
        section="board",
        agent=name,
        standing=standing,
        runs=await read_runs(services_of(request), name),
        rows=await _rows(request, ListRequest(filter=ListFilter(agent=name), size=_NEWEST)),
    )


async def agent_json(request: Request) -> Response:
    name, standing = await _agent(request)
    runs = await read_runs(services_of(request), name)
    episodes = f"/episodes.json{ListFilter(agent=name).query()}"
    return json_response(
        encode_json(
            {"agent": name, **standing.to_json(), "runs": [each.to_json() for each in runs], "episodes": episodes}
        )
    )


@with_error_page
async def run_page(request: Request) -> Response:
    name, standing = await _run(request)
    place = parse_list_request(request.query_params)
    wanted = ListRequest(
        filter=ListFilter(run=name, sort="oldest"), after=place.after, before=place.before, size=_ROWS_OF_RUN
    )
    found = await read_list(services_of(request).reader, wanted)
    rows = await build_rows(services_of(request), page_context(request).fault_names, found.rows)
    return page_context(request).renderer.page(
        "agent_run.html",
        section="episodes",
        run=name,
        shown_name=given_name(name),
        standing=standing,
        agents=sorted({row.agent for row in rows if row.agent is not None}),
        rows=rows,
        earlier=_beside(name, "before", rows[0] if rows and found.has_earlier else None),
        later=_beside(name, "after", rows[-1] if rows and found.has_later else None),
    )


async def run_json(request: Request) -> Response:
    name, standing = await _run(request)
    episodes = f"/episodes.json{ListFilter(run=name, sort='oldest').query()}"
    return json_response(encode_json({"run": name, **standing.to_json(), "episodes": episodes}))


async def _agent(request: Request) -> tuple[str, Standing]:
    name = NamedQuery.model_validate(dict(request.query_params)).name
    standing = await read_standing(services_of(request), page_context(request).totals, ListFilter(agent=name))
    if not standing.totals.ended and not standing.totals.running:
        raise UNKNOWN_AGENT.problem(agent=name)
    return name, standing


async def _run(request: Request) -> tuple[str, Standing]:
    name = NamedQuery.model_validate(dict(request.query_params)).name
    standing = await read_standing(services_of(request), page_context(request).totals, ListFilter(run=name))
    if not standing.totals.ended:
        raise UNKNOWN_RUN.problem(run=name)
    return name, standing


async def _rows(request: Request, wanted: ListRequest) -> list[EpisodeRow]:
    found = await read_list(services_of(request).reader, wanted)
    return await build_rows(services_of(request), page_context(request).fault_names, found.rows)


def _beside(run: str, side: Literal["after", "before"], row: EpisodeRow | None) -> str | None:
    """Query string of the page before or after; None: there is none."""
    return None if row is None else f"?{urlencode({'name': run, side: row.number})}"
