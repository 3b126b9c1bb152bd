"""Handlers of the episode list, as a page and as JSON."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from domain.json import encode_json
from domain.types import TASK_IDS
from server.episodes.commands import is_name
from server.web.context import json_response, services_of
from server.web.pages.context import page_context, with_error_page
from server.web.pages.episode_list.filter import (
    SORTS,
    STATUSES,
    ListRequest,
    page_query,
    parse_list_request,
    parse_strictly,
)
from server.web.pages.episode_list.query import EMPTY_PAGE, ListPage, read_list
from server.web.pages.episode_list.rows import build_rows
from server.web.pages.episode_list.totals import Totals
from server.web.pages.episode_lookup import find_listed
from server.web.pages.links import redirect


@with_error_page
async def episode_list_page(request: Request) -> Response:
    wanted = parse_list_request(request.query_params)
    direct = await _direct_match(request, wanted)
    if direct is not None:
        return redirect(request.scope, direct)
    totals, found = await _read(request, wanted)
    return page_context(request).renderer.page(
        "episodes.html",
        section="episodes",
        dropped=wanted.dropped,
        filter=wanted.filter,
        rows=await build_rows(services_of(request), page_context(request).fault_names, found.rows),
        totals=totals,
        task_ids=TASK_IDS,
        statuses=STATUSES,
        sorts=SORTS,
        rounds=[each["round"] for each in await services_of(request).rounds.published()],
        earlier=_earlier(wanted, found),
        later=_later(wanted, found),
    )


async def episodes_json(request: Request) -> Response:
    """The same list, for programs."""
    wanted, services = parse_strictly(request.query_params), services_of(request)
    totals, found = await _read(request, wanted)
    rows = await build_rows(services, page_context(request).fault_names, found.rows)
    return json_response(
        encode_json(
            {
                "episodes": [row.to_json() for row in rows],
                "totals": totals.to_json(),
                "earlier": _address(_earlier(wanted, found)),
                "later": _address(_later(wanted, found)),
            }
        )
    )


async def _read(request: Request, wanted: ListRequest) -> tuple[Totals, ListPage]:
    totals = await page_context(request).totals.read(wanted.filter)
    # To look for the first row of nothing is to read a whole index.
    return totals, EMPTY_PAGE if totals.is_empty else await read_list(services_of(request).reader, wanted)


def _address(query: str | None) -> str | None:
    return None if query is None else f"/episodes.json{query}"


async def _direct_match(request: Request, wanted: ListRequest) -> str | None:
    """The path of the episode that the search names by id or number; None: the search is a prefix of an agent's name."""
    search = wanted.filter.q
    if search is None:
        return None
    if search.startswith("~"):
        return f"/episodes/{search}"
    return f"/episodes/{search}" if is_name(search) and await find_listed(request, search) else None


def _earlier(wanted: ListRequest, found: ListPage) -> str | None:
    """Query string of the page before; None: there is none."""
    return page_query(wanted, "before", found.rows[0].number) if found.rows and found.has_earlier else None


def _later(wanted: ListRequest, found: ListPage) -> str | None:
    """Query string of the page after; None: there is none."""
    return page_query(wanted, "after", found.rows[-1].number) if found.rows and found.has_later else None
