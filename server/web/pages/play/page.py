"""A person investigates: the same actions and the same log as an agent's, by forms.

The player's cookie is the key of a session, so that the page finds its episode again after any restart. It is HttpOnly
and goes with same-site requests only; every form carries a token that follows from it.
"""

from __future__ import annotations

from typing import Any, Mapping

from pydantic import ValidationError
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from domain.actions import decode_action
from domain.episode.decide import WrongSubmissionError
from domain.tasks.table import TASKS
from domain.types import ARTIFACT_NAMES, FAILURE_CATEGORIES, SANITY_CHECK_NAMES
from server.episodes.commands import is_name
from server.episodes.errors import EpisodeNotStartedError
from server.scenarios.requester import while_connected
from server.security.identity import client_of, identity_of
from server.storage.errors import RequestIdReusedError, WrongExpectedVersionError
from server.web.error_mapping import Problem, problem_of
from server.web.pages.context import page, pages_of, services_of
from server.web.pages.episode.page import load_episode
from server.web.pages.forms import check_form, form_token, read_form, scheme_of
from server.web.pages.play.forms import action_of, reset_of

PLAYER_COOKIE = "mlops_debug_player"
_KEY_PREFIX = "play-"
_A_MONTH_SECONDS = 30 * 24 * 3600


@page
async def show_play(request: Request) -> Response:
    return await _show(request, _key(request))


@page
async def begin(request: Request) -> Response:
    key, form = await _posted(request)
    try:
        wanted = reset_of(form)
    except ValidationError as error:
        return await _show(request, key, refused=problem_of(error), given=form)
    services, player = services_of(request), identity_of(request)
    admitted = await services.admission.authorize_reset(player, wanted)
    async with while_connected(request.receive):
        await services.sessions.reset(player.scoped(key), admitted, client=client_of(request))
    return RedirectResponse("/play", status_code=303)


@page
async def act(request: Request) -> Response:
    key, form = await _posted(request)
    services = services_of(request)
    try:
        action = decode_action(to_json(action_of(form, _files_of_fields(request))))
    except ValidationError as error:
        return await _show(request, key, refused=problem_of(error), given=form)
    episode_id = await services.sessions.current(identity_of(request).scoped(key))
    services.pace.acquire(client_of(request))
    version, request_id = form.get("version", ""), form.get("request_id", "")
    try:
        await services.episodes.step(
            episode_id,
            action.meaning(),
            request_id=request_id if is_name(request_id) else None,
            expected_version=int(version) if version.isascii() and version.isdigit() and len(version) < 6 else None,
        )
    except (WrongExpectedVersionError, RequestIdReusedError):
        # Sent from an old page, for example by the back button: nothing was done, and the present is shown.
        moved = Problem(409, "moved_on", "The episode has moved on", "Nothing was done; this is where it stands now.")
        return await _show(request, key, refused=moved, given=form)
    except WrongSubmissionError as error:
        return await _show(request, key, refused=problem_of(error), given=form)
    return RedirectResponse("/play#result", status_code=303)


async def _posted(request: Request) -> tuple[str, dict[str, str]]:
    """The player's key and the form; raises a problem where the form is not the player's."""
    form = await read_form(request)
    key = _key(request)
    check_form(request, form, key)
    return key or "", form


def _key(request: Request) -> str | None:
    """The session key of this player; null: a new one."""
    held = request.cookies.get(PLAYER_COOKIE, "")
    return held if is_name(held) and held.startswith(_KEY_PREFIX) else None


async def _show(
    request: Request, key: str | None, *, refused: Problem | None = None, given: Mapping[str, str] | None = None
) -> Response:
    pages = pages_of(request)
    secret = key or f"{_KEY_PREFIX}{pages.new_id()}"
    response = pages.renderer.page(
        "play.html",
        status=200 if refused is None else refused.status,
        here="play",
        shown=await _current(request, key),
        token=form_token(secret),
        request_id=pages.new_id(),
        refused=refused,
        given=given or {},
        **_choices(request),
    )
    if key is None:
        response.set_cookie(
            PLAYER_COOKIE,
            secret,
            max_age=_A_MONTH_SECONDS,
            path="/play",
            httponly=True,
            samesite="lax",
            secure=scheme_of(request) == "https",
        )
    return response


async def _current(request: Request, key: str | None) -> Any:
    """The player's episode; null: none was begun."""
    if key is None:
        return None
    try:
        episode_id = await services_of(request).sessions.current(identity_of(request).scoped(key))
    except EpisodeNotStartedError:
        return None
    return await load_episode(request, episode_id)


def _files_of_fields(request: Request) -> dict[str, str]:
    return {str(each["field"]): str(each["file"]) for each in services_of(request).world.registry()}


def _choices(request: Request) -> dict[str, Any]:
    """What the forms offer: all of it public and the same for every episode."""
    return {
        "tasks": TASKS.values(),
        "artifact_names": ARTIFACT_NAMES,
        "check_names": SANITY_CHECK_NAMES,
        "categories": FAILURE_CATEGORIES,
        "fields": sorted(_files_of_fields(request)),
    }
