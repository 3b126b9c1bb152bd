"""MCP over HTTP (Streamable HTTP without streams): each request is answered by one JSON object."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from server.episodes.commands import check_name
from server.scenarios.requester import while_connected
from server.security.identity import client_of, identity_of
from server.web.context import json_response, services_of
from server.web.mcp.handler import PROTOCOL_VERSIONS, McpSession, new_session
from server.web.mcp.jsonrpc import (
    UNSUPPORTED_PROTOCOL_VERSION,
    RpcError,
    RpcRequest,
    decode_request,
    encode_error,
    encode_result,
)
from server.web.request_body import read_body

SESSION_HEADER = "Mcp-Session-Id"
VERSION_HEADER = "MCP-Protocol-Version"


async def mcp(request: Request) -> Response:
    """Answer one request. A JSON-RPC error is answered with 200, as OpenEnv does."""
    body = await read_body(request)
    key = request.path_params.get("session_key")
    session = check_name(key) if key is not None else request.headers.get(SESSION_HEADER)
    wanted: RpcRequest | None = None
    headers: dict[str, str] = {}
    try:
        wanted = decode_request(body)
        _check_version(request, wanted)
        if wanted.is_notification:
            return Response(status_code=202)
        if wanted.method == "initialize":
            session = headers[SESSION_HEADER] = key or new_session()
        mcp_session = McpSession(services_of(request), identity_of(request), client=client_of(request), session=session)
        async with while_connected(request.receive):
            result = encode_result(wanted.id, await mcp_session.result(wanted))
    except RpcError as error:
        status = 400 if error.code == UNSUPPORTED_PROTOCOL_VERSION else 200
        refusal = encode_error(wanted.id if wanted is not None else None, error)
        return json_response(refusal, status=status)
    return json_response(result, headers)


def _check_version(request: Request, wanted: RpcRequest) -> None:
    """After initialize, the header names the version that was agreed on; without it, any is meant."""
    named = request.headers.get(VERSION_HEADER)
    if named is None or named in PROTOCOL_VERSIONS or wanted.method == "initialize":
        return
    raise RpcError(
        UNSUPPORTED_PROTOCOL_VERSION,
        f"Unsupported protocol version; initialize with one of {', '.join(PROTOCOL_VERSIONS)}.",
        {"supported": list(PROTOCOL_VERSIONS), "requested": named[:100]},
    )
