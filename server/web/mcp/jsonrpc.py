"""JSON-RPC 2.0: decodes requests, encodes results and errors."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.json import encode_json

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
SERVER_ERROR = -32000
UNSUPPORTED_PROTOCOL_VERSION = -32022

RequestId = str | int | None


class RpcRequest(BaseModel):
    """A request, or, where its method begins with ``notifications/``, a notification."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, use_attribute_docstrings=True)

    jsonrpc: str = Field(pattern=r"^2\.0$")
    method: str
    params: dict[str, Any] | None = None
    id: RequestId = None
    """Null or missing: the answer has none either."""

    @property
    def is_notification(self) -> bool:
        return self.method.startswith("notifications/")


class RpcError(Exception):
    """An answer that is an error."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        """None: there is nothing to add."""


def decode_request(body: str | bytes) -> RpcRequest:
    """Raises ``RpcError``."""
    try:
        return RpcRequest.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        if any(each["type"] == "json_invalid" for each in found):
            raise RpcError(PARSE_ERROR, "Parse error: send one JSON-RPC 2.0 object in UTF-8.") from None
        places = ", ".join(".".join(map(str, each["loc"])) or "the whole" for each in found)
        raise RpcError(INVALID_REQUEST, f"Invalid Request: no JSON-RPC 2.0 request; mend {places}.") from None


def encode_result(request_id: RequestId, result: bytes) -> bytes:
    """``result`` is JSON."""
    return b'{"jsonrpc":"2.0","id":' + encode_json(request_id) + b',"result":' + result + b"}"


def encode_error(request_id: RequestId, error: RpcError) -> bytes:
    members: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        members["data"] = error.data
    return encode_json({"jsonrpc": "2.0", "id": request_id, "error": members})
