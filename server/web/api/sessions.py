"""REST handlers of keyed sessions."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from server.episodes.commands import check_name
from server.scenarios.requester import while_connected
from server.security.identity import client_of, identity_of
from server.web.api.episodes import (
    episode_outside_cookie,
    invalid_action_first,
    read_reset,
    reset_response,
    take_step,
)
from server.web.context import json_response, services_of
from server.web.problem_details import EPISODE_AMBIGUOUS
from server.web.request_body import decode_step, read_body


async def session_reset(request: Request) -> Response:
    authorized = await read_reset(request)
    key, sessions = _key(request), services_of(request).sessions
    async with while_connected(request.receive):
        return reset_response(await sessions.reset(key, authorized, client=client_of(request)))


async def session_step(request: Request) -> Response:
    wanted = decode_step(await read_body(request))
    with invalid_action_first(wanted):
        current = await _current(request, wanted.episode_id)
    return await take_step(request, current, wanted)


async def session_state(request: Request) -> Response:
    return json_response(await services_of(request).episodes.state(await _current(request, None)))


def _key(request: Request) -> str:
    return identity_of(request).scoped(check_name(request.path_params["session_key"]))


async def _current(request: Request, in_body: str | None) -> str:
    """The session's current episode; raises ``Problem`` where the request names another."""
    current = await services_of(request).sessions.current(_key(request))
    named = episode_outside_cookie(request, in_body)
    if named is not None and current not in (named, identity_of(request).scoped(named)):
        raise EPISODE_AMBIGUOUS.problem(first=named, second=current)
    return current
