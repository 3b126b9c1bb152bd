"""MCP in frames of OpenEnv's WebSocket: each frame holds one JSON-RPC request on the socket's episode."""

from __future__ import annotations

from typing import Any, Awaitable, Callable

from pydantic_core import to_json

from server.security.identity import Identity
from server.services import Services
from server.web.mcp.handler import McpSession
from server.web.mcp.jsonrpc import RpcError, decode_request, encode_error, encode_result
from server.web.mcp.targets import SocketTarget


async def answer_frame(
    services: Services,
    identity: Identity,
    data: dict[str, Any],
    *,
    client: str,
    current: Callable[[], Awaitable[str]],
) -> bytes:
    """The answer to a request; empty: it is a notification. The socket has a reset, so the tools are those of an agent."""
    wanted = None
    try:
        wanted = decode_request(to_json(data))
        if wanted.is_notification:
            return b""
        session = McpSession(services, identity, client=client, session=None, target=SocketTarget(current))
        return encode_result(wanted.id, await session.result(wanted))
    except RpcError as error:
        return encode_error(wanted.id if wanted is not None else None, error)
