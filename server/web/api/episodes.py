"""REST handlers of episodes: reset, step, state, events."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator

from starlette.requests import Request
from starlette.responses import Response

from domain.chain import Link
from domain.events import ENDING_KINDS
from domain.json import encode_json
from server.episodes.commands import AuthorizedReset, check_name
from server.episodes.responses import StepResponse
from server.scenarios.requester import while_connected
from server.security.identity import client_of, identity_of
from server.security.session_names import has_guessable_session
from server.storage.stream_codec import link_json
from server.web.context import json_response, services_of
from server.web.problem_details import EPISODE_AMBIGUOUS, EPISODE_OVER, EPISODE_UNNAMED
from server.web.request_body import WantedStep, decode_reset, decode_step, decode_transcript, read_body

COOKIE = "mlops_debug_episode"


async def reset(request: Request) -> Response:
    authorized = await read_reset(request)
    async with while_connected(request.receive):
        return reset_response(await services_of(request).episodes.reset(authorized, client=client_of(request)))


async def step(request: Request) -> Response:
    wanted = decode_step(await read_body(request))
    with invalid_action_first(wanted):
        episode_id = await services_of(request).access.resolve_playable(
            identity_of(request), _named_episode(request, wanted.episode_id)
        )
    return await take_step(request, episode_id, wanted)


async def state(request: Request) -> Response:
    return await _state(request, _named_episode(request, None))


async def openenv_state(request: Request) -> Response:
    services = services_of(request)
    named = episode_outside_cookie(request, None)
    if named is None:
        return json_response(encode_json(await services.last_scores(identity_of(request).prefix)))
    return await _state(request, named)


async def _state(request: Request, named: str) -> Response:
    episode_id, is_sealed = await _visible(request, named)
    return json_response(await services_of(request).episodes.state(episode_id, is_sealed=is_sealed))


async def events(request: Request) -> Response:
    episode_id, is_sealed = await _visible(request, _named_episode(request, None))
    links = await services_of(request).episodes.events(episode_id)
    return json_response(encode_events(links, is_sealed=is_sealed))


async def share_transcript(request: Request) -> Response:
    """Stores what the model said, while the episode runs: only its player can name it then."""
    services, shared = services_of(request), decode_transcript(await read_body(request))
    services.step_limiter.acquire(client_of(request))
    episode_id = await services.access.resolve_playable(identity_of(request), _named_episode(request, None))
    if not await services.episodes.is_running(episode_id):
        raise EPISODE_OVER.problem()
    await services.transcripts.store(episode_id, shared)
    return Response(status_code=204)


def encode_events(links: tuple[Link, ...], *, is_sealed: bool = False) -> bytes:
    """The events as JSON. The reset's payload has the seed, so it is withheld while the episode runs or is sealed; what was
    answered, with its grade, is withheld while it is sealed. Where the session's key could be guessed from the reset, it is
    always withheld, with every hash that depends on it."""
    is_running, has_hashes = links[-1].kind not in ENDING_KINDS, not has_guessable_session(links[0])
    withheld = set() if has_hashes and not is_running else {"reset"}
    if is_sealed:
        withheld = {"reset", *ENDING_KINDS}
    return b"[" + b",".join(_encode_event(each, each.kind in withheld, has_hashes) for each in links) + b"]"


def _encode_event(each: Link, is_withheld: bool, has_hashes: bool) -> bytes:
    outside = link_json(each)
    if not has_hashes:
        outside.update(prev_hash=None, hash=None)
        if each.kind == "reset":
            outside["payload_digest"] = None
    payload = b"null" if is_withheld or each.payload is None else each.payload
    return encode_json(outside)[:-1] + b',"payload":' + payload + b"}"


async def read_reset(request: Request) -> AuthorizedReset:
    """The reset in the body, checked against what the client may play."""
    wanted = decode_reset(await read_body(request))
    return await services_of(request).access.authorize_reset(identity_of(request), wanted)


async def _visible(request: Request, name: str) -> tuple[str, bool]:
    """The episode to read, and whether its outcome is withheld from this client."""
    access, identity = services_of(request).access, identity_of(request)
    episode_id = await access.resolve_visible(identity, name)
    return episode_id, await access.is_sealed(identity, episode_id)


def _named_episode(request: Request, in_body: str | None) -> str:
    named = episode_outside_cookie(request, in_body) or request.cookies.get(COOKIE)
    if named is None:
        raise EPISODE_UNNAMED.problem()
    return check_name(named)


def episode_outside_cookie(request: Request, in_body: str | None) -> str | None:
    """The episode that path, body and query name; None: they name none. Raises ``Problem`` where they name two."""
    given = (request.path_params.get("episode_id"), in_body, *request.query_params.getlist("episode_id"))
    names = list(dict.fromkeys(name for name in given if name))
    if len(names) > 1:
        raise EPISODE_AMBIGUOUS.problem(first=names[0], second=names[1])
    return check_name(names[0]) if names else None


@contextmanager
def invalid_action_first(wanted: WantedStep) -> Iterator[None]:
    """Where the episode of a step cannot be found, what is wrong with the action goes before that."""
    try:
        yield
    except Exception:
        if wanted.error is not None:
            raise wanted.error from None
        raise


async def take_step(request: Request, episode_id: str, wanted: WantedStep) -> Response:
    """Take the step, within the rate limit of the client. Raises what is wrong with an invalid action, unless it is a step there."""
    services = services_of(request)
    if wanted.error is not None and (await services.episodes.begun(episode_id)).invalid_actions != "step":
        raise wanted.error
    services.step_limiter.acquire(client_of(request))
    return step_response(
        await services.episodes.step(
            episode_id,
            wanted.action,
            request_id=wanted.request_id,
            expected_version=wanted.expected_version,
        )
    )


def reset_response(started: StepResponse) -> Response:
    """The response to a reset, with the cookie that names the episode."""
    response = step_response(started)
    response.set_cookie(COOKIE, started.episode_id, path="/", httponly=True, samesite="lax")
    return response


def step_response(taken: StepResponse) -> Response:
    return json_response(taken.to_http(), {"ETag": f'"{taken.version}"'})
