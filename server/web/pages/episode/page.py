"""Handlers of the pages of one episode and of two: replay, audit, comparison."""

from __future__ import annotations

import asyncio
import re

from starlette.requests import Request
from starlette.responses import Response

from server.audit.episode_audit import audit_episode
from server.audit.report import AuditReport
from server.episodes.commands import is_name
from server.episodes.errors import UnfoldableEpisodeError, UnknownEpisodeError
from server.episodes.transcripts import SharedReply
from server.security.identity import client_of, identity_of
from server.security.secret_files import SecretFiles, secrets_folder
from server.storage.errors import UnreadableEventError
from server.web.context import services_of
from server.web.pages.context import page_context, with_error_page
from server.web.pages.episode.comparison import MAX_COMPARED, compare
from server.web.pages.episode.timeline import fold_stream
from server.web.pages.episode.view import EpisodeView, build_episode_view
from server.web.pages.episode_lookup import find_one_listed
from server.web.pages.episode_names import parse_public_name
from server.web.pages.forms import check_origin
from server.web.pages.links import redirect
from server.web.pages.queries import read_stream_id
from server.web.pages.visibility import visibility_of
from server.web.problem_details import Problem

_STEP = re.compile(r"[0-9]{1,4}")


@with_error_page
async def episode_page(request: Request) -> Response:
    named = request.path_params["episode_id"]
    episode = await load_episode(request, named)
    if episode.visibility == "full" and parse_public_name(named) is not None:
        query = f"?{request.url.query}" if request.url.query else ""
        return redirect(request.scope, f"/episodes/{episode.episode_id}{query}")
    return await _render(request, episode, None)


@with_error_page
async def audit_episode_page(request: Request) -> Response:
    check_origin(request)
    episode = await load_episode(request, request.path_params["episode_id"])
    if episode.episode_id is None or episode.visibility != "full":
        raise _not_auditable(is_sealed=episode.is_sealed)
    services, pages = services_of(request), page_context(request)
    episode_id = episode.episode_id

    def run() -> AuditReport:
        # In a thread with its own event loop: the many small reads of an audit would delay the server.
        files = SecretFiles(secrets_folder(services.settings))
        return asyncio.run(audit_episode(services.settings.database_url, files, services.simulation, episode_id))

    async with pages.audit_queue.acquire(client_of(request)):
        report = await asyncio.to_thread(run)
    return await _render(request, episode, report)


def _not_auditable(*, is_sealed: bool) -> Problem:
    if is_sealed:
        return Problem(409, "round_open", "The round is open", "Audit this attempt when its round has closed.")
    return Problem(409, "episode_runs", "The episode runs", "Audit it after its end; until then it changes.")


@with_error_page
async def comparison_page(request: Request) -> Response:
    names = _compared(request)
    if len(names) > MAX_COMPARED:
        raise Problem(
            422,
            "too_many_compared",
            "Too many to compare",
            f"At most {MAX_COMPARED} episodes fit side by side, and {len(names)} were chosen; take some ticks away.",
        )
    if len(names) < 2 or request.query_params.get("edit"):
        return page_context(request).renderer.page("compare_form.html", section="episodes", names=names)
    episodes = [await load_episode(request, name) for name in names]
    return page_context(request).renderer.page("compare.html", section="episodes", compared=compare(episodes))


def _compared(request: Request) -> list[str]:
    """The names of the chosen episodes, ticked in the list (``e``) or given one by one."""
    query = request.query_params
    given = [*query.getlist("e"), *(query.get(letter, "") for letter in "abcd")]
    return [name.strip() for name in given if name.strip()]


async def load_episode(request: Request, named: str) -> EpisodeView:
    """The view of an episode for this viewer, by id or by number; raises ``UnknownEpisodeError``, or a problem where several players
    gave an episode this name."""
    services, identity = services_of(request), identity_of(request)
    number = parse_public_name(named)
    episode_id = named if number is None else await read_stream_id(services.reader, number)
    if episode_id is None or not is_name(episode_id):
        raise UnknownEpisodeError(named)
    if number is None:
        episode_id = await find_one_listed(request, episode_id)
    is_sealed = await services.access.is_sealed(identity, episode_id)
    try:
        stream = fold_stream(await services.episodes.events(episode_id))
    except (UnfoldableEpisodeError, UnreadableEventError):
        raise Problem(
            500, "unfoldable", "The record cannot be read", f"The operator should audit this episode: {named}."
        ) from None
    visibility = visibility_of(stream.state, episode_id, identity, by_number=number is not None, is_sealed=is_sealed)
    cached = await services.scenarios.get(stream.state.reset.scenario_digest)
    twin = await page_context(request).twins.get(cached) if visibility == "full" else None
    return build_episode_view(stream, cached, visibility, twin)


async def _render(request: Request, episode: EpisodeView, report: AuditReport | None) -> Response:
    replies: dict[int, list[SharedReply]] = {}
    if episode.visibility == "full" and episode.episode_id is not None:
        shared = await services_of(request).transcripts.read(episode.episode_id)
        for each in shared.replies if shared is not None else ():
            replies.setdefault(each.step, []).append(each)
    asked = request.query_params.get("step", "")
    step = min(int(asked), episode.last) if _STEP.fullmatch(asked) else episode.last
    return page_context(request).renderer.page(
        "episode.html", section="episodes", episode=episode, step=step, report=report, replies=replies
    )
