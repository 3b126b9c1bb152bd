"""REST handlers of episodes: reset, step, state, events."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from domain.chain import Link
from domain.json import encode_json
from server.episodes.commands import AuthorizedReset, check_name
from server.episodes.responses import StepResponse
from server.scenarios.requester import while_connected
from server.security.identity import client_of, identity_of
from server.security.session_names import tells_session
from server.services import Services
from server.web.decoding import StepRequest, decode_reset, decode_step
from server.web.error_mapping import (
    episode_ambiguous,
    episode_unnamed,
)
from server.web.request_body import read_body

COOKIE = "mlops_debug_episode"


_ENDING_KINDS = ("submit", "expire")


async def reset(request: Request) -> Response:
    admitted = await _admitted(request)
    async with while_connected(request.receive):
        return _begun(await services_of(request).episodes.reset(admitted, client=client_of(request)))


async def step(request: Request) -> Response:
    wanted = decode_step(await read_body(request))
    episode_id = await services_of(request).admission.resolve_playable(
        identity_of(request), _named(request, wanted.episode_id)
    )
    return await _stepped(request, episode_id, wanted)


async def state(request: Request) -> Response:
    return _json(await services_of(request).episodes.state(await _visible(request, _named(request, None))))


async def openenv_state(request: Request) -> Response:
    services = services_of(request)
    named = _named_outside_cookie(request, None)
    if named is None:
        return _json(encode_json(await services.last_scores(identity_of(request).prefix)))
    return _json(await services.episodes.state(await _visible(request, named)))


async def events(request: Request) -> Response:
    links = await services_of(request).episodes.events(await _visible(request, _named(request, None)))
    return _json(encode_events(links))


def encode_events(links: tuple[Link, ...]) -> bytes:
    """The wire form of a stream. While the episode runs, the reset's payload would tell the seed; where it names a session
    so that its key can be guessed, it is never told, nor any hash that follows from it."""
    is_running, has_hashes = links[-1].kind not in _ENDING_KINDS, not tells_session(links[0])
    is_told = has_hashes and not is_running
    shown = (_encode_event(each, each.kind == "reset" and not is_told, has_hashes) for each in links)
    return b"[" + b",".join(shown) + b"]"


def _encode_event(each: Link, is_withheld: bool, has_hashes: bool) -> bytes:
    outside: dict[str, Any] = {
        "stream_id": each.stream_id,
        "version": each.version,
        "position": each.position,
        "kind": each.kind,
        "schema_version": each.schema_version,
        "recorded_at": each.recorded_at,
        "actor": each.actor,
        "request_id": each.request_id,
        "payload_digest": each.payload_digest.hex() if has_hashes or each.kind != "reset" else None,
        "prev_hash": each.prev_hash.hex() if has_hashes else None,
        "hash": each.hash.hex() if has_hashes else None,
    }
    payload = b"null" if is_withheld or each.payload is None else each.payload
    return encode_json(outside)[:-1] + b',"payload":' + payload + b"}"


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def _admitted(request: Request) -> AuthorizedReset:
    wanted = decode_reset(await read_body(request))
    return await services_of(request).admission.authorize_reset(identity_of(request), wanted)


async def _visible(request: Request, name: str) -> str:
    return await services_of(request).admission.resolve_visible(identity_of(request), name)


def _named(request: Request, in_body: str | None) -> str:
    named = _named_outside_cookie(request, in_body) or request.cookies.get(COOKIE)
    if named is None:
        raise episode_unnamed()
    return check_name(named)


def _named_outside_cookie(request: Request, in_body: str | None) -> str | None:
    """The one episode that path, body and query name; null: none of them names any."""
    given = (request.path_params.get("episode_id"), in_body, *request.query_params.getlist("episode_id"))
    names = list(dict.fromkeys(name for name in given if name))
    if len(names) > 1:
        raise episode_ambiguous(names[0], names[1])
    return check_name(names[0]) if names else None


async def _stepped(request: Request, episode_id: str, wanted: StepRequest) -> Response:
    services = services_of(request)
    services.pace.acquire(client_of(request))
    beside = wanted.action.metadata
    expected = wanted.expected_version if wanted.expected_version is not None else beside.expected_version
    return _answered(
        await services.episodes.step(
            episode_id,
            wanted.action.meaning(),
            request_id=wanted.request_id or beside.request_id,
            expected_version=expected,
        )
    )


def _begun(answered: StepResponse) -> Response:
    response = _answered(answered)
    response.set_cookie(COOKIE, answered.episode_id, path="/", httponly=True, samesite="lax")
    return response


def _answered(answered: StepResponse) -> Response:
    return _json(answered.to_http(), {"ETag": f'"{answered.version}"'})


def _json(body: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(body, media_type="application/json", headers=headers)
