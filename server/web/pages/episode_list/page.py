"""The page of all episodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from domain.types import TASK_IDS
from server.episodes.commands import is_name
from server.episodes.errors import UnknownEpisodeError
from server.security.identity import identity_of
from server.web.pages.context import page, pages_of, services_of
from server.web.pages.episode.timeline import steps_allowed
from server.web.pages.episode_list.filter import SORTS, STATUSES, Asked, place_query, read_asked
from server.web.pages.episode_list.query import ListPage, read_list
from server.web.pages.episode_names import number_name, page_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One row of the list."""

    number: str
    episode_id: str | None
    """Null: it runs, and its id is a secret."""
    path: str
    task_id: str
    agent: str | None
    end_reason: str | None
    score: float | None
    step_count: int
    max_steps: int
    total_reward: float
    started_at: str


@page
async def show_list(request: Request) -> Response:
    asked = read_asked(request.query_params)
    named = await _named(request, asked)
    if named is not None:
        return RedirectResponse(named, status_code=303)
    found = await read_list(services_of(request).reader, asked)
    return pages_of(request).renderer.page(
        "episodes.html",
        here="episodes",
        asked=asked,
        filter=asked.filter,
        rows=[_listed(row) for row in found.rows],
        task_ids=TASK_IDS,
        statuses=STATUSES,
        sorts=SORTS,
        rounds=[each["round"] for each in await services_of(request).rounds.published()],
        earlier=_earlier(asked, found),
        later=_later(asked, found),
    )


async def _named(request: Request, asked: Asked) -> str | None:
    """Where the episode is that the search names outright; null: the search is the beginning of an agent's name."""
    wanted = asked.filter.q
    if wanted is None:
        return None
    if wanted.startswith("~"):
        return f"/episodes/{wanted}"
    return f"/episodes/{wanted}" if is_name(wanted) and await _may_open(request, wanted) else None


async def _may_open(request: Request, name: str) -> bool:
    """Whether the viewer would get the episode by its name: the search tells no more than its page does."""
    services = services_of(request)
    try:
        return await services.episodes.exists(await services.admission.resolve_visible(identity_of(request), name))
    except UnknownEpisodeError:
        return False


def _listed(row: Any) -> Listed:
    is_running = row.end_reason is None
    return Listed(
        number=number_name(row.number),
        episode_id=None if is_running else row.episode_id,
        path=page_path(episode_id=row.episode_id, number=row.number, is_running=is_running),
        task_id=row.task_id,
        agent=row.agent,
        end_reason=row.end_reason,
        score=row.score,
        step_count=row.step_count,
        max_steps=steps_allowed(row.task_id, row.beginning),
        total_reward=row.total_reward,
        started_at=row.started_at,
    )


def _earlier(asked: Asked, found: ListPage) -> str | None:
    """Address of the page before; null: there is none."""
    return place_query(asked.filter, "before", found.rows[0].number) if found.rows and found.has_earlier else None


def _later(asked: Asked, found: ListPage) -> str | None:
    return place_query(asked.filter, "after", found.rows[-1].number) if found.rows and found.has_later else None
