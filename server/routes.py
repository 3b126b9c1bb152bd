"""The list of REST routes and their thin handlers."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.chain import Link
from domain.evidence_view import encode_json
from domain.tasks import tasks_json
from server.admitted import Admitted
from server.answers import Answer
from server.asking import while_connected
from server.bodies import read_body
from server.identity import client_of, identity_of
from server.installation import Installation
from server.metrics import MEDIA_TYPE as METRICS_TYPE
from server.problems import (
    MEDIA_TYPE,
    RETRY_AFTER_SECONDS,
    Problem,
    episode_ambiguous,
    episode_unnamed,
    method_not_allowed,
    not_found,
    problem_of,
)
from server.ranked_routes import RANKED_ROUTES
from server.requests import StepRequest, check_name, decode_reset, decode_step
from server.schemas import published_schemas
from server.session_names import tells_session
from server.version import DESCRIPTION, NAME, VERSION

COOKIE = "mlops_debug_episode"
_ENDING_KINDS = ("submit", "expire")


async def reset(request: Request) -> Response:
    admitted = await _admitted(request)
    async with while_connected(request.receive):
        return _begun(await _installation(request).episodes.reset(admitted, client=client_of(request)))


async def step(request: Request) -> Response:
    wanted = decode_step(await read_body(request))
    episode_id = await _installation(request).admission.playable(
        identity_of(request), _named(request, wanted.episode_id)
    )
    return await _stepped(request, episode_id, wanted)


async def state(request: Request) -> Response:
    return _json(await _installation(request).episodes.state(await _visible(request, _named(request, None))))


async def openenv_state(request: Request) -> Response:
    installation = _installation(request)
    named = _named_outside_cookie(request, None)
    if named is None:
        return _json(encode_json(await installation.last_scores(identity_of(request).prefix)))
    return _json(await installation.episodes.state(await _visible(request, named)))


async def events(request: Request) -> Response:
    links = await _installation(request).episodes.events(await _visible(request, _named(request, None)))
    return _json(encode_events(links))


async def session_reset(request: Request) -> Response:
    admitted = await _admitted(request)
    key, sessions = _key(request), _installation(request).sessions
    async with while_connected(request.receive):
        return _begun(await sessions.reset(key, admitted, client=client_of(request)))


async def session_step(request: Request) -> Response:
    wanted = decode_step(await read_body(request))
    return await _stepped(request, await _current(request, wanted.episode_id), wanted)


async def session_state(request: Request) -> Response:
    return _json(await _installation(request).episodes.state(await _current(request, None)))


async def tasks(request: Request) -> Response:
    return _json(encode_json({"tasks": tasks_json()}))


async def health(request: Request) -> Response:
    return _json(encode_json({"status": "healthy", "version": VERSION}))


async def ready(request: Request) -> Response:
    counts = await _installation(request).readiness()
    return _json(encode_json({"status": "ready", "version": VERSION, **counts}))


async def metrics(request: Request) -> Response:
    return Response(await _installation(request).measurements(), media_type=METRICS_TYPE)


async def metadata(request: Request) -> Response:
    return _json(
        encode_json(
            {
                "name": NAME,
                "description": DESCRIPTION,
                "version": VERSION,
                "author": "The MLOps Debugger authors",
                "documentation_url": None,
            }
        )
    )


async def schema(request: Request) -> Response:
    return _json(encode_json({**published_schemas(), "fields": _installation(request).world.registry()}))


ROUTES = (
    Route("/reset", reset, methods=["POST"]),
    Route("/step", step, methods=["POST"]),
    Route("/episodes/{episode_id}/step", step, methods=["POST"]),
    Route("/state", state, methods=["GET"]),
    Route("/episodes/{episode_id}/state", state, methods=["GET"]),
    Route("/episodes/{episode_id}/events", events, methods=["GET"]),
    Route("/openenv/state", openenv_state, methods=["GET"]),
    Route("/sessions/{session_key}/reset", session_reset, methods=["POST"]),
    Route("/sessions/{session_key}/step", session_step, methods=["POST"]),
    Route("/sessions/{session_key}/state", session_state, methods=["GET"]),
    Route("/tasks", tasks, methods=["GET"]),
    *RANKED_ROUTES,
    Route("/health", health, methods=["GET"]),
    Route("/ready", ready, methods=["GET"]),
    Route("/metrics", metrics, methods=["GET"]),
    Route("/metadata", metadata, methods=["GET"]),
    Route("/schema", schema, methods=["GET"]),
)


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


async def answer_nobody(request: Request, error: Exception) -> Response:
    """The client left before its request was whole: nothing was done, and that is no failure of the server."""
    return Response(status_code=400)


async def answer_problem(request: Request, error: Exception) -> Response:
    """The one way an error leaves."""
    headers: dict[str, str] = {}
    if isinstance(error, HTTPException):
        headers = dict(error.headers or {})  # Allow, with 405
        error = method_not_allowed(request.method) if error.status_code == 405 else not_found(request.url.path)
    problem: Problem = problem_of(error)
    if problem.status in (429, 503):
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return Response(problem.body(), status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


def _installation(request: Request) -> Installation:
    installation: Installation = request.app.state.installation
    return installation


async def _admitted(request: Request) -> Admitted:
    wanted = decode_reset(await read_body(request))
    return await _installation(request).admission.admit(identity_of(request), wanted)


async def _visible(request: Request, name: str) -> str:
    return await _installation(request).admission.visible(identity_of(request), name)


def _key(request: Request) -> str:
    return identity_of(request).scoped(check_name(request.path_params["session_key"]))


async def _current(request: Request, in_body: str | None) -> str:
    """The session's current episode; another name beside it is one too many."""
    current = await _installation(request).sessions.current(_key(request))
    named = _named_outside_cookie(request, in_body)
    if named is not None and current not in (named, identity_of(request).scoped(named)):
        raise episode_ambiguous(named, current)
    return current


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
    installation = _installation(request)
    installation.pace.take_step(client_of(request))
    beside = wanted.action.metadata
    expected = wanted.expected_version if wanted.expected_version is not None else beside.expected_version
    return _answered(
        await installation.episodes.step(
            episode_id,
            wanted.action.meaning(),
            request_id=wanted.request_id or beside.request_id,
            expected_version=expected,
        )
    )


def _begun(answered: Answer) -> Response:
    response = _answered(answered)
    response.set_cookie(COOKIE, answered.episode_id, path="/", httponly=True, samesite="lax")
    return response


def _answered(answered: Answer) -> Response:
    return _json(answered.rest(), {"ETag": f'"{answered.version}"'})


def _json(body: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(body, media_type="application/json", headers=headers)
