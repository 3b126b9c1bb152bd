"""The pages of one episode and of two: replay, audit, compare."""

from __future__ import annotations

import asyncio
import re

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from server.audit.episode_audit import audit_episode
from server.audit.report import AuditReport
from server.episodes.commands import is_name
from server.episodes.errors import UnfoldableEpisodeError, UnknownEpisodeError
from server.security.identity import client_of, identity_of
from server.security.secret_files import SecretFiles, secrets_folder
from server.storage.errors import UnreadableEventError
from server.web.error_mapping import Problem
from server.web.pages.context import page, pages_of, services_of
from server.web.pages.episode.comparison import compare
from server.web.pages.episode.timeline import fold_stream
from server.web.pages.episode.view import EpisodeShown, show_episode
from server.web.pages.episode_names import parse_number
from server.web.pages.forms import check_origin
from server.web.pages.queries import read_stream_id
from server.web.pages.visibility import sight_of

_STEP = re.compile(r"[0-9]{1,4}")


@page
async def show_one(request: Request) -> Response:
    named = request.path_params["episode_id"]
    shown = await load_episode(request, named)
    if shown.sight == "whole" and parse_number(named) is not None:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/episodes/{shown.episode_id}{query}", status_code=303)
    return _answer(request, shown, None)


@page
async def audit_now(request: Request) -> Response:
    check_origin(request)
    shown = await load_episode(request, request.path_params["episode_id"])
    if shown.episode_id is None or shown.sight != "whole":
        raise Problem(409, "episode_runs", "The episode runs", "Audit it after its end; until then it changes.")
    services, pages = services_of(request), pages_of(request)
    episode_id = shown.episode_id

    def run() -> AuditReport:
        # A loop of its own in a thread: an audit reads the database in many small steps that would hold up the server.
        files = SecretFiles(secrets_folder(services.settings))
        return asyncio.run(audit_episode(services.settings.database_url, files, services.world, episode_id))

    async with pages.auditing.turn(client_of(request)):
        report = await asyncio.to_thread(run)
    return _answer(request, shown, report)


@page
async def show_two(request: Request) -> Response:
    names = [request.query_params.get(side, "").strip() for side in ("a", "b")]
    chosen = request.query_params.getlist("e")
    if chosen:
        names = [*chosen, "", ""][:2]
    if not all(names):
        return pages_of(request).renderer.page("compare_form.html", here="episodes", names=names)
    first, second = [await load_episode(request, name) for name in names]
    return pages_of(request).renderer.page("compare.html", here="episodes", both=compare(first, second))


async def load_episode(request: Request, named: str) -> EpisodeShown:
    """What this viewer may see of an episode, named by id or by number; raises ``UnknownEpisodeError``."""
    services = services_of(request)
    number = parse_number(named)
    episode_id = named if number is None else await read_stream_id(services.reader, number)
    if episode_id is None or not is_name(episode_id):
        raise UnknownEpisodeError(named)
    if number is None:
        episode_id = await services.admission.resolve_visible(identity_of(request), episode_id)
    try:
        folding = fold_stream(await services.episodes.events(episode_id))
    except (UnfoldableEpisodeError, UnreadableEventError):
        raise Problem(
            500, "unfoldable", "The record cannot be read", f"The operator should audit this episode: {named}."
        ) from None
    sight = sight_of(folding.state, episode_id, identity_of(request), by_number=number is not None)
    held = await services.scenarios.get(folding.state.reset.scenario_digest)
    twin = await pages_of(request).twins.twin_of(held) if sight == "whole" else None
    return show_episode(folding, held, sight, twin)


def _answer(request: Request, shown: EpisodeShown, report: AuditReport | None) -> Response:
    asked = request.query_params.get("step", "")
    step = min(int(asked), shown.last) if _STEP.fullmatch(asked) else shown.last
    return pages_of(request).renderer.page("episode.html", here="episodes", shown=shown, step=step, report=report)
