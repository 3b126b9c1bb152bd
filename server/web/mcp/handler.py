"""Answers the methods of MCP for one session. It keeps no state: a session is a key, and its episode is in the log."""

from __future__ import annotations

import secrets
from typing import Any

from pydantic import ValidationError

from domain.actions import Action, ActionMetadata, WireAction
from domain.json import encode_json
from server.episodes.commands import check_name
from server.episodes.errors import EpisodeNotStartedError, NoLifecycleError
from server.episodes.responses import StepResponse
from server.security.identity import Identity, ReservedNameError
from server.services import Services
from server.version import DESCRIPTION, NAME, VERSION
from server.web.error_mapping import problem_of
from server.web.mcp.jsonrpc import INVALID_PARAMS, METHOD_NOT_FOUND, SERVER_ERROR, RpcError, RpcRequest
from server.web.mcp.targets import SessionTarget, ToolTarget
from server.web.mcp.tools import RESET, decode_call, decode_reset_call, to_invalid_call, tool_names, tools_json
from server.web.problem_details import Problem
from server.web.request_body import metadata_of

PROTOCOL_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""Oldest to newest. Where the client asks for another, it is offered the newest."""
_INSTRUCTIONS = (
    DESCRIPTION + " Call reset first; every further call is a step of that episode, and submit_diagnosis ends it."
)
_AGENT_INSTRUCTIONS = DESCRIPTION + " The episode has begun: every call is a step of it, and submit_diagnosis ends it."
_INVALID_PARAMS_CODES = ("invalid", "unknown_task")


def new_session() -> str:
    """128 random bits: without API keys, the name of a session is the secret that guards it."""
    return secrets.token_hex(16)


class McpSession:
    """Answers the requests of one session.

    Args:
        session: None: the request has to name one.
        target: the episode that the tools play; None: the current one of the session.
    """

    def __init__(
        self,
        services: Services,
        identity: Identity,
        *,
        client: str,
        session: str | None,
        target: ToolTarget | None = None,
    ) -> None:
        self._services = services
        self._identity = identity
        self._client = client
        self._session = session
        self._fixed_target = target

    async def result(self, request: RpcRequest) -> bytes:
        """The result of a request, as JSON; raises ``RpcError``."""
        params = request.params or {}
        match request.method:
            case "initialize":
                return _initialized(params, for_agent=await self._has_begun_for_agent(params))
            case "ping":
                return b"{}"
            case "tools/list":
                return tools_json(for_agent=await self._lists_for_agent(params))
            case "tools/call":
                return await self._call(params)
            case "openenv/session/create":
                return encode_json({"session_id": self._session or new_session()})
            case "openenv/session/close":
                return encode_json({"session_id": _named_session(params, self._session), "closed": True})
        raise RpcError(METHOD_NOT_FOUND, f"Method not found: {request.method[:100]}")

    async def _has_begun_for_agent(self, params: dict[str, Any]) -> bool:
        return self._names_target(params) and await self._target(params).serves_agent()

    async def _lists_for_agent(self, params: dict[str, Any]) -> bool:
        """Where no session is named, nothing can be reset either, and the list is what any agent gets."""
        return not self._names_target(params) or await self._target(params).serves_agent()

    def _names_target(self, params: dict[str, Any]) -> bool:
        return self._fixed_target is not None or self._session is not None or "session_id" in params

    def _target(self, params: dict[str, Any]) -> ToolTarget:
        if self._fixed_target is not None:
            return self._fixed_target
        return SessionTarget(self._services, self._scoped(_named_session(params, self._session)), client=self._client)

    async def _call(self, params: dict[str, Any]) -> bytes:
        name, arguments = params.get("name"), params.get("arguments") or {}
        if not isinstance(name, str):
            raise _no_such_tool()
        is_of_openenv = "session_id" in params or self._fixed_target is not None
        target = self._target(params)
        try:
            response = await self._play(target, name, arguments)
        except RpcError:
            raise
        except NoLifecycleError:
            raise _no_such_tool() from None
        except Exception as error:  # noqa: BLE001 - the client gets every error as an answer; an unexpected one is logged
            return _tool_error(error, is_of_openenv)
        return _tool_result(response, is_of_openenv)

    def _scoped(self, session: str) -> str:
        """With an API key, the session of that key."""
        try:
            return self._identity.scoped(session)
        except ReservedNameError as error:
            raise RpcError(INVALID_PARAMS, problem_of(error).detail) from None

    async def _play(self, target: ToolTarget, name: str, arguments: Any) -> StepResponse:
        if name == RESET and isinstance(arguments, dict) and not await target.serves_agent():
            return await self._reset(target, arguments)
        try:
            action = _decode(name, arguments)
        except (RpcError, ValidationError, Problem):
            invalid = to_invalid_call(name, arguments)
            if invalid is None or not await _takes_invalid_actions(self._services, target):
                raise
            return await self._step(target, invalid, metadata_of(arguments))
        return await self._step(target, action.meaning(), action.metadata)

    async def _reset(self, target: ToolTarget, arguments: dict[str, Any]) -> StepResponse:
        wanted = decode_reset_call(arguments)
        wanted = wanted.model_copy(update={"control": wanted.control or "client"})
        return await target.reset(await self._services.access.authorize_reset(self._identity, wanted))

    async def _step(self, target: ToolTarget, action: Action, metadata: ActionMetadata) -> StepResponse:
        self._services.step_limiter.acquire(self._client)
        return await self._services.episodes.step(
            await target.current(),
            action,
            request_id=metadata.request_id,
            expected_version=metadata.expected_version,
        )


def _no_such_tool() -> RpcError:
    return RpcError(INVALID_PARAMS, "There is no such tool; tools/list has them.")


def _decode(name: str, arguments: Any) -> WireAction:
    """The action of a call; raises what is wrong with it."""
    if name == RESET or name not in tool_names():
        raise _no_such_tool()
    if not isinstance(arguments, dict):
        raise RpcError(INVALID_PARAMS, "arguments must be an object.")
    return decode_call(name, arguments)


async def _takes_invalid_actions(services: Services, target: ToolTarget) -> bool:
    try:
        return (await services.episodes.begun(await target.current())).invalid_actions == "step"
    except EpisodeNotStartedError:
        return False


def _initialized(params: dict[str, Any], *, for_agent: bool) -> bytes:
    asked = params.get("protocolVersion")
    return encode_json(
        {
            "protocolVersion": asked if asked in PROTOCOL_VERSIONS else PROTOCOL_VERSIONS[-1],
            "capabilities": {"tools": {"listChanged": False}},
            "serverInfo": {"name": NAME, "title": "MLOps Debugger", "version": VERSION},
            "instructions": _AGENT_INSTRUCTIONS if for_agent else _INSTRUCTIONS,
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
    whole = b"".join((b"{", response.shown, b',"info":', response.agent_info, b"}"))
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
