"""Finds the episode that a viewer of the pages names: by its stored name, or by the name that its player gave."""

from __future__ import annotations

from starlette.requests import Request

from server.episodes.errors import UnknownEpisodeError
from server.security.identity import identity_of
from server.storage.episode_names import read_names_given
from server.web.context import services_of
from server.web.problem_details import Problem


async def find_listed(request: Request, name: str) -> list[str]:
    """The stored names of the episodes that are meant and that this viewer may open; of several, all. Nothing is found that the
    pages of the episodes would not show."""
    if (direct := await _listed(request, name)) is not None:
        return [direct]
    given = await read_names_given(services_of(request).reader, name)
    found = [await _listed(request, each) for each in given]
    return [each for each in found if each is not None]


async def find_one_listed(request: Request, name: str) -> str:
    """The only one; raises ``UnknownEpisodeError``, or a problem that lists several."""
    found = await find_listed(request, name)
    if not found:
        raise UnknownEpisodeError(name)
    if len(found) > 1:
        raise Problem(
            409,
            "several_episodes",
            "Several episodes have this name",
            f"Players of several keys have an episode {name}. Name one of {', '.join(found)}.",
        )
    return found[0]


async def _listed(request: Request, name: str) -> str | None:
    services = services_of(request)
    try:
        resolved = await services.access.resolve_listed(identity_of(request), name)
    except UnknownEpisodeError:
        return None
    return resolved if await services.episodes.exists(resolved) else None
