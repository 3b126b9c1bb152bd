"""Handler of the episode list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from domain.types import TASK_IDS
from server.episodes.commands import is_name
from server.episodes.errors import UnknownEpisodeError
from server.security.identity import identity_of
from server.web.context import services_of
from server.web.pages.context import page_context, with_error_page
from server.web.pages.episode.timeline import max_steps_of
from server.web.pages.episode_list.filter import SORTS, STATUSES, ListRequest, page_query, parse_list_request
from server.web.pages.episode_list.query import ListPage, read_list
from server.web.pages.episode_names import page_path, public_name


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRow:
    """One row of the list."""

    number: str
    episode_id: str | None
    """None: the episode runs, and its id is a secret."""
    path: str
    task_id: str
    agent: str | None
    end_reason: str | None
    score: float | None
    step_count: int
    max_steps: int
    total_reward: float
    started_at: str


@with_error_page
async def episode_list_page(request: Request) -> Response:
    wanted = parse_list_request(request.query_params)
    direct = await _direct_match(request, wanted)
    if direct is not None:
        return RedirectResponse(direct, status_code=303)
    found = await read_list(services_of(request).reader, wanted)
    return page_context(request).renderer.page(
        "episodes.html",
        section="episodes",
        dropped=wanted.dropped,
        filter=wanted.filter,
        rows=[_to_row(row) for row in found.rows],
        task_ids=TASK_IDS,
        statuses=STATUSES,
        sorts=SORTS,
        rounds=[each["round"] for each in await services_of(request).rounds.published()],
        earlier=_earlier(wanted, found),
        later=_later(wanted, found),
    )


async def _direct_match(request: Request, wanted: ListRequest) -> str | None:
    """The path of the episode that the search names by id or number; None: the search is a prefix of an agent's name."""
    search = wanted.filter.q
    if search is None:
        return None
    if search.startswith("~"):
        return f"/episodes/{search}"
    return f"/episodes/{search}" if is_name(search) and await _can_open(request, search) else None


async def _can_open(request: Request, name: str) -> bool:
    """Whether the viewer may open the episode by its name: the search reveals no more than its page does."""
    services = services_of(request)
    try:
        return await services.episodes.exists(await services.access.resolve_visible(identity_of(request), name))
    except UnknownEpisodeError:
        return False


def _to_row(row: Any) -> EpisodeRow:
    is_running = row.end_reason is None
    return EpisodeRow(
        number=public_name(row.number),
        episode_id=None if is_running else row.episode_id,
        path=page_path(episode_id=row.episode_id, number=row.number, is_running=is_running),
        task_id=row.task_id,
        agent=row.agent,
        end_reason=row.end_reason,
        score=row.score,
        step_count=row.step_count,
        max_steps=max_steps_of(row.task_id, row.reset_payload),
        total_reward=row.total_reward,
        started_at=row.started_at,
    )


def _earlier(wanted: ListRequest, found: ListPage) -> str | None:
    """Query string of the page before; None: there is none."""
    return page_query(wanted.filter, "before", found.rows[0].number) if found.rows and found.has_earlier else None


def _later(wanted: ListRequest, found: ListPage) -> str | None:
    """Query string of the page after; None: there is none."""
    return page_query(wanted.filter, "after", found.rows[-1].number) if found.rows and found.has_later else None
