"""One episode over MCP, on stdin and stdout or over HTTP: the actions as tools, and no reset, seed or truth.

Unlike ``/mcp`` of the server it leaves the agent no lifecycle: the episode is chosen by who starts it, begins with the first call, and
a second one needs another start. The SDK is not needed: a server that only answers requests is a few methods of JSON-RPC 2.0.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO

from mlops_debug_env.agents.llm.tools import Tool, tools_for, tools_of
from mlops_debug_env.agents.prompt import system_prompt
from mlops_debug_env.harnesses.tool_episode import ToolAnswer, ToolEpisode
from mlops_debug_env.protocol.actions import action_schema
from mlops_debug_env.protocol.errors import MlopsDebugError
from mlops_debug_env.protocol.types import TaskId
from mlops_debug_env.transport.sync_client import LoopThread
from mlops_debug_env.version import VERSION

PROTOCOL_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""Oldest to newest. Where the client asks for another, it is offered the newest."""
SHOW_TASK = "show_task"
_SHOW_TASK_DOES = (
    "Show the task, the training run with its artifacts and checks, and the fields that a diagnosis may name. Call it first. "
    "It takes no step and may be called again."
)
MAX_BODY_BYTES = 1 << 20
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602


class _RpcError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class McpServer:
    """Answers the requests of one client, one after the other."""

    def __init__(self, task_id: TaskId, begin: Callable[[], ToolEpisode], loop: LoopThread) -> None:
        """``begin`` begins the episode on the loop; it is called once, in the thread that answers the first tool call."""
        self._task_id = task_id
        self._begin = begin
        self._loop = loop
        self._answering = threading.Lock()
        self._episode: ToolEpisode | None = None

    @property
    def episode(self) -> ToolEpisode | None:
        """None: no tool was called yet."""
        return self._episode

    def answer(self, text: bytes) -> bytes | None:
        """The answer to a request; None: it is a notification, or the answer to one."""
        identity: Any = None
        try:
            request = _read(text)
            if "method" not in request or "id" not in request:
                return None
            identity = request["id"]
            with self._answering:
                result = self._result(request["method"], request.get("params") or {})
            return _encode({"jsonrpc": "2.0", "id": identity, "result": result})
        except _RpcError as error:
            return _encode({"jsonrpc": "2.0", "id": identity, "error": {"code": error.code, "message": str(error)}})

    def _result(self, method: Any, params: Mapping[str, Any]) -> dict[str, Any]:
        match method:
            case "initialize":
                return self._initialized(params.get("protocolVersion"))
            case "ping":
                return {}
            case "tools/list":
                return {"tools": [_shown(tool) for tool in self._tools()]}
            case "tools/call":
                return self._called(params)
        raise _RpcError(METHOD_NOT_FOUND, f"Method not found: {str(method)[:100]}")

    def _initialized(self, asked: Any) -> dict[str, Any]:
        return {
            "protocolVersion": asked if asked in PROTOCOL_VERSIONS else PROTOCOL_VERSIONS[-1],
            "capabilities": {"tools": {"listChanged": False}},
            "serverInfo": {"name": "mlops-debug", "title": "MLOps Debugger", "version": VERSION},
            "instructions": f"{system_prompt(self._task_id)} Call {SHOW_TASK} first.",
        }

    def _tools(self) -> tuple[Tool, ...]:
        show = Tool(name=SHOW_TASK, description=_SHOW_TASK_DOES, parameters={"type": "object", "properties": {}})
        return (show, *tools_for(tools_of(action_schema()), self._task_id))

    def _called(self, params: Mapping[str, Any]) -> dict[str, Any]:
        name, arguments = params.get("name"), params.get("arguments") or {}
        if name not in {tool.name for tool in self._tools()}:
            raise _RpcError(INVALID_PARAMS, "There is no such tool; tools/list has them.")
        if not isinstance(arguments, dict):
            raise _RpcError(INVALID_PARAMS, "arguments must be an object.")
        try:
            self._episode = self._episode or self._begin()
            answered = self._loop.run(_play(self._episode, str(name), arguments))
        except MlopsDebugError as error:  # the model can try again, and its user reads why
            answered = ToolAnswer(text=str(error), is_error=True, is_done=False)
        return {"content": [{"type": "text", "text": answered.text}], "isError": answered.is_error}


async def _play(episode: ToolEpisode, name: str, arguments: Mapping[str, Any]) -> ToolAnswer:
    if name == SHOW_TASK:
        shown = f"{episode.instructions}\n\n{episode.briefing}"
        return ToolAnswer(text=shown, is_error=False, is_done=episode.is_done)
    return await episode.call(name, arguments)


def serve_lines(server: McpServer, requests: Iterable[bytes], answers: BinaryIO) -> None:
    """Answer requests line by line until there are no more."""
    for line in requests:
        answered = server.answer(line) if line.strip() else None
        if answered is not None:
            answers.write(answered + b"\n")
            answers.flush()


class McpHttpServer(ThreadingHTTPServer):
    """The same over HTTP without streams: each POST to ``/mcp`` is answered by one JSON object.

    ``GET /result`` tells a verifier whether the episode is over, and its score.
    """

    daemon_threads = True

    def __init__(self, server: McpServer, address: tuple[str, int]) -> None:
        super().__init__(address, _Handler)
        self.mcp = server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "mlops-debug"
    sys_version = ""
    timeout = 300.0
    server: McpHttpServer

    def do_POST(self) -> None:
        if "Origin" in self.headers:  # a page of some site, in a browser on this machine
            self.close_connection = True
            self._write(403)
            return
        length = self.headers.get("Content-Length", "")
        if self.path != "/mcp" or not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True  # the body is not read
            self._write(404 if self.path != "/mcp" else 413)
            return
        answered = self.server.mcp.answer(self.rfile.read(int(length)))
        self._write(202 if answered is None else 200, answered or b"")

    def do_GET(self) -> None:
        if self.path == "/result":
            episode = self.server.mcp.episode
            score = None if episode is None else episode.score
            self._write(200, _encode({"done": score is not None, "score": score}))
        else:
            self._write(405 if self.path == "/mcp" else 404)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Requests are not logged."""

    def _write(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:  # else a client might send its next request before it notices
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


def _read(text: bytes) -> dict[str, Any]:
    try:
        request = json.loads(text)
    except ValueError:
        raise _RpcError(PARSE_ERROR, "Parse error: send one JSON-RPC 2.0 object in UTF-8.") from None
    if not isinstance(request, dict) or request.get("jsonrpc") != "2.0":
        raise _RpcError(INVALID_REQUEST, "Invalid Request: send one JSON-RPC 2.0 object.")
    if not isinstance(request.get("params") or {}, dict):
        raise _RpcError(INVALID_PARAMS, "params must be an object.")
    return request


def _shown(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "title": tool.name.replace("_", " ").capitalize(),
        "description": tool.description,
        "inputSchema": dict(tool.parameters),
        "annotations": {
            # Each call but one is a recorded step, also one that only reads.
            "readOnlyHint": tool.name == SHOW_TASK,
            "destructiveHint": tool.name == "submit_diagnosis",
            "idempotentHint": tool.name == SHOW_TASK,
            "openWorldHint": False,
        },
    }


def _encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
