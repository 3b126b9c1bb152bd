"""Handlers of the play page: a person takes the same actions as an agent, by forms, and they are recorded in the same log.

The player's cookie is a session key, so that the page finds its episode again after a restart. It is HttpOnly and, but in a
frame of another site, SameSite=Lax; every form carries a token derived from it.
"""

from __future__ import annotations

from typing import Any, Mapping

from pydantic import ValidationError
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from domain.actions import decode_action
from domain.episode.decide import WrongSubmissionError
from domain.tasks.table import TASKS
from domain.types import FAILURE_CATEGORIES, SANITY_CHECK_NAMES
from server.episodes.commands import is_name
from server.episodes.errors import EpisodeNotStartedError
from server.scenarios.requester import while_connected
from server.security.identity import client_of, identity_of
from server.storage.errors import RequestIdReusedError, WrongExpectedVersionError
from server.web.context import services_of
from server.web.error_mapping import problem_of
from server.web.pages.context import page_context, with_error_page
from server.web.pages.episode.page import load_episode
from server.web.pages.episode.view import EpisodeView
from server.web.pages.forms import check_form, form_token, read_form, request_scheme
from server.web.pages.links import redirect
from server.web.pages.play.forms import FilesOfFields, parse_action_form, parse_reset_form
from server.web.problem_details import Problem

PLAYER_COOKIE = "mlops_debug_player"
_KEY_PREFIX = "play-"
_COOKIE_MAX_AGE_SECONDS = 30 * 24 * 3600


@with_error_page
async def play_page(request: Request) -> Response:
    return await _render(request, _session_key(request))


@with_error_page
async def begin_episode(request: Request) -> Response:
    key, form = await _read_player_form(request)
    try:
        wanted = parse_reset_form(form)
    except ValidationError as error:
        return await _render(request, key, refused=problem_of(error), given=form)
    services, player = services_of(request), identity_of(request)
    admitted = await services.access.authorize_reset(player, wanted)
    async with while_connected(request.receive):
        await services.sessions.reset(player.scoped(key), admitted, client=client_of(request))
    return redirect(request.scope, "/play")


@with_error_page
async def take_step(request: Request) -> Response:
    key, form = await _read_player_form(request)
    services = services_of(request)
    file_of = _files_of_fields(request, await _current_episode(request, key))
    try:
        action = decode_action(to_json(parse_action_form(form, file_of)))
    except (ValidationError, Problem) as error:
        return await _render(request, key, refused=problem_of(error), given=form)
    episode_id = await services.sessions.current(identity_of(request).scoped(key))
    services.step_limiter.acquire(client_of(request))
    version, request_id = form.get("version", ""), form.get("request_id", "")
    try:
        await services.episodes.step(
            episode_id,
            action.meaning(),
            request_id=request_id if is_name(request_id) else None,
            expected_version=int(version) if version.isascii() and version.isdigit() and len(version) < 6 else None,
        )
    except (WrongExpectedVersionError, RequestIdReusedError):
        # Sent from an outdated page, for example after the back button: nothing was recorded; show the current state.
        moved = Problem(409, "moved_on", "The episode has moved on", "Nothing was done; this is where it stands now.")
        return await _render(request, key, refused=moved, given=form)
    except WrongSubmissionError as error:
        return await _render(request, key, refused=problem_of(error), given=form)
    return redirect(request.scope, "/play#result")


async def _read_player_form(request: Request) -> tuple[str, dict[str, str]]:
    """The player's session key and the form; raises ``Problem`` if the form does not belong to the player."""
    form = await read_form(request)
    key = _session_key(request)
    check_form(request, form, key)
    return key or "", form


def _session_key(request: Request) -> str | None:
    """The session key of this player; None: a new player."""
    cookie = request.cookies.get(PLAYER_COOKIE, "")
    return cookie if is_name(cookie) and cookie.startswith(_KEY_PREFIX) else None


async def _render(
    request: Request, key: str | None, *, refused: Problem | None = None, given: Mapping[str, str] | None = None
) -> Response:
    pages = page_context(request)
    secret = key or f"{_KEY_PREFIX}{pages.new_id()}"
    episode = await _current_episode(request, key)
    response = pages.renderer.page(
        "play.html",
        status=200 if refused is None else refused.status,
        section="play",
        episode=episode,
        token=form_token(secret),
        request_id=pages.new_id(),
        refused=refused,
        given=given or {},
        **_choices(request, episode),
    )
    if key is None:
        _set_cookie(request, response, secret)
    return response


def _set_cookie(request: Request, response: Response, secret: str) -> None:
    """A browser sends a cookie from a frame of another site only if it says so, is secure and, in most browsers, partitioned. A
    browser names a frame only where the connection is secure, or local."""
    settings = services_of(request).settings
    is_framed = bool(settings.frame_ancestors) and request.headers.get("sec-fetch-dest") == "iframe"
    response.set_cookie(
        PLAYER_COOKIE,
        secret,
        max_age=_COOKIE_MAX_AGE_SECONDS,
        path=f"{settings.root_path}/play",
        httponly=True,
        samesite="none" if is_framed else "lax",
        secure=is_framed or request_scheme(request) == "https",
    )
    if is_framed:  # the standard library of Python 3.11 does not know the attribute
        response.headers["set-cookie"] += "; Partitioned"


async def _current_episode(request: Request, key: str | None) -> EpisodeView | None:
    """The player's episode; None: none was started."""
    if key is None:
        return None
    try:
        episode_id = await services_of(request).sessions.current(identity_of(request).scoped(key))
    except EpisodeNotStartedError:
        return None
    return await load_episode(request, episode_id)


def _files_of_fields(request: Request, episode: EpisodeView | None) -> FilesOfFields:
    """Of the run's family; before an episode, of none."""
    return FilesOfFields(services_of(request).simulation.registry(episode.family) if episode is not None else ())


def _choices(request: Request, episode: EpisodeView | None) -> dict[str, Any]:
    """The options of the forms: public, and the same for every episode of a family."""
    fields = sorted({field for field, _ in _files_of_fields(request, episode).fields})
    return {
        "tasks": TASKS.values(),
        "check_names": SANITY_CHECK_NAMES,
        "categories": FAILURE_CATEGORIES,
        "fields": fields,
        "pattern": next((field for field in fields if "{" in field), None),
    }
