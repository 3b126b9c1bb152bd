"""Answers the methods of MCP for one session. It keeps no state: a session is a key, and its episode is in the log."""

from __future__ import annotations

import secrets
from typing import Any

from domain.json import encode_json
from server.episodes.commands import check_name
from server.episodes.responses import StepResponse
from server.security.identity import Identity, ReservedNameError
from server.services import Services
from server.version import DESCRIPTION, NAME, VERSION
from server.web.error_mapping import problem_of
from server.web.mcp.jsonrpc import INVALID_PARAMS, METHOD_NOT_FOUND, SERVER_ERROR, RpcError, RpcRequest
from server.web.mcp.tools import RESET, decode_call, decode_reset_call, tool_names, tools_json

PROTOCOL_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""Oldest to newest. Where the client asks for another, it is offered the newest."""
_INSTRUCTIONS = (
    DESCRIPTION + " Call reset first; every further call is a step of that episode, and submit_diagnosis ends it."
)
_INVALID_PARAMS_CODES = ("invalid", "unknown_task")


def new_session() -> str:
    """128 random bits: without API keys, the name of a session is the secret that guards it."""
    return secrets.token_hex(16)


class McpSession:
    """Answers the requests of one session."""

    def __init__(self, services: Services, identity: Identity, *, client: str, session: str | None) -> None:
        self._services = services
        self._identity = identity
        self._client = client
        self._session = session
        """None: the request has to name one."""

    async def result(self, request: RpcRequest) -> bytes:
        """The result of a request, as JSON; raises ``RpcError``."""
        params = request.params or {}
        match request.method:
            case "initialize":
                return _initialized(params)
            case "ping":
                return b"{}"
            case "tools/list":
                return tools_json()
            case "tools/call":
                return await self._call(params)
            case "openenv/session/create":
                return encode_json({"session_id": self._session or new_session()})
            case "openenv/session/close":
                return encode_json({"session_id": _named_session(params, self._session), "closed": True})
        raise RpcError(METHOD_NOT_FOUND, f"Method not found: {request.method[:100]}")

    async def _call(self, params: dict[str, Any]) -> bytes:
        name, arguments = params.get("name"), params.get("arguments") or {}
        if not isinstance(name, str) or name not in tool_names():
            raise RpcError(INVALID_PARAMS, "There is no such tool; tools/list has them.")
        if not isinstance(arguments, dict):
            raise RpcError(INVALID_PARAMS, "arguments must be an object.")
        is_of_openenv = "session_id" in params
        session = self._scoped(_named_session(params, self._session))
        try:
            response = await self._play(session, name, arguments)
        except Exception as error:  # noqa: BLE001 - the client gets every error as an answer; an unexpected one is logged
            return _tool_error(error, is_of_openenv)
        return _tool_result(response, is_of_openenv)

    def _scoped(self, session: str) -> str:
        """With an API key, the session of that key."""
        try:
            return self._identity.scoped(session)
        except ReservedNameError as error:
            raise RpcError(INVALID_PARAMS, problem_of(error).detail) from None

    async def _play(self, session: str, name: str, arguments: dict[str, Any]) -> StepResponse:
        if name == RESET:
            wanted = decode_reset_call(arguments)
            authorized = await self._services.access.authorize_reset(self._identity, wanted)
            return await self._services.sessions.reset(session, authorized, client=self._client)
        action = decode_call(name, arguments)
        self._services.step_limiter.acquire(self._client)
        return await self._services.episodes.step(
            await self._services.sessions.current(session),
            action.meaning(),
            request_id=action.metadata.request_id,
            expected_version=action.metadata.expected_version,
        )


def _initialized(params: dict[str, Any]) -> bytes:
    asked = params.get("protocolVersion")
    return encode_json(
        {
            "protocolVersion": asked if asked in PROTOCOL_VERSIONS else PROTOCOL_VERSIONS[-1],
            "capabilities": {"tools": {"listChanged": False}},
            "serverInfo": {"name": NAME, "title": "MLOps Debugger", "version": VERSION},
            "instructions": _INSTRUCTIONS,
        }
    )


def _named_session(params: dict[str, Any], session: str | None) -> str:
    """The session that the address, the header or the parameters name; raises ``RpcError`` for none, or two different ones."""
    named = params.get("session_id", session)
    if named is None:
        raise RpcError(
            INVALID_PARAMS,
            "No session is named: send the Mcp-Session-Id that initialize answered, or the session_id of "
            "openenv/session/create, or call /sessions/KEY/mcp.",
        )
    if session is not None and named != session:
        raise RpcError(INVALID_PARAMS, "Two sessions are named; name one.")
    try:
        return check_name(named)
    except ValueError:
        raise RpcError(INVALID_PARAMS, "session_id must be 1 to 128 of A-Z a-z 0-9 . _ : -") from None


def _tool_result(response: StepResponse, is_of_openenv: bool) -> bytes:
    """The answer as text, for the model, and as an object, for programs; OpenEnv's client takes ``data``."""
    whole = b"".join((b"{", response.shown, b',"info":', response.info, b"}"))
    text = encode_json(whole.decode())
    data = b',"data":' + whole if is_of_openenv else b""
    return b"".join(
        (
            b'{"content":[{"type":"text","text":',
            text,
            b'}],"structuredContent":',
            whole,
            b',"isError":false',
            data,
            b"}",
        )
    )


def _tool_error(error: Exception, is_of_openenv: bool) -> bytes:
    """The error as a result that a model can read; as a JSON-RPC error for OpenEnv's client, which raises only on one."""
    problem = problem_of(error)
    if is_of_openenv:
        code = INVALID_PARAMS if problem.code in _INVALID_PARAMS_CODES else SERVER_ERROR
        raise RpcError(code, problem.detail, problem.members())
    return encode_json(
        {
            "content": [{"type": "text", "text": problem.detail}],
            "structuredContent": problem.members(),
            "isError": True,
        }
    )
