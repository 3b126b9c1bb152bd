"""``mlops-debug mcp``: the official client plays over stdin and stdout, and finds no lifecycle."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from mlops_debug_env.harnesses.mcp_server import PROTOCOL_VERSIONS, SHOW_TASK, McpServer, serve_lines
from mlops_debug_env.harnesses.tool_episode import ToolEpisode
from mlops_debug_env.transport.async_client import DebugClient
from mlops_debug_env.transport.sync_client import LoopThread
from tests.client.harnesses.test_tool_episode import RIGHT
from tests.client.runner.running import command
from tests.e2e.running import ServerProcess, environment, free_port

mcp: Any = pytest.importorskip("mcp", reason="needs the MCP client, of the extra dev")
stdio: Any = pytest.importorskip("mcp.client.stdio")

PLAYS = (sys.executable, "-P", "-m", "mlops_debug_env", "mcp")


@asynccontextmanager
async def session_over_stdio(*arguments: str, **settings: str) -> AsyncIterator[Any]:
    program = stdio.StdioServerParameters(command=PLAYS[0], args=[*PLAYS[1:], *arguments], env=environment(**settings))
    async with stdio.stdio_client(program) as (read, write), mcp.ClientSession(read, write) as session:
        await session.initialize()
        yield session


def text_of(result: Any) -> str:
    text: str = result.content[0].text
    return text


async def test_the_official_client_plays_an_episode_over_stdio(server: ServerProcess) -> None:
    asked = ("--url", server.url, "--task", "medium", "--seed", "5", "--agent", "over stdio")
    async with session_over_stdio(*asked) as session:
        names = [tool.name for tool in (await session.list_tools()).tools]
        assert (len(names), names[0], "reset" in names) == (11, SHOW_TASK, False)
        shown = text_of(await session.call_tool(SHOW_TASK, {}))
        assert "StandardScaler.fit_transform (one of train|all)" in shown
        assert "import numpy" in text_of(await session.call_tool("inspect_preprocessing", {}))
        refused = (await session.call_tool("read_logs", {"log_filter": 3})).model_dump(by_alias=True)
        assert refused["isError"]
        ended = text_of(await session.call_tool("submit_diagnosis", RIGHT))
    assert '"score":0.95' in ended
    assert "ground_truth" not in ended


async def test_without_an_address_a_server_is_started_and_ends_with_the_client(tmp_path: Path) -> None:
    database = tmp_path / "kept.db"
    async with session_over_stdio("--database", str(database), TMPDIR=str(tmp_path)) as session:
        assert "You have" in text_of(await session.call_tool(SHOW_TASK, {}))
        assert len(list(tmp_path.glob("mlops-debug-mcp-*"))) == 1  # noqa: ASYNC240 - a folder of this test
    assert database.exists()
    assert list(tmp_path.glob("mlops-debug-mcp-*")) == []  # noqa: ASYNC240


def test_a_signal_ends_it_with_its_server(tmp_path: Path) -> None:
    process = subprocess.Popen(
        PLAYS,
        env=environment(TMPDIR=str(tmp_path)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        assert process.stdin is not None
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": SHOW_TASK}}
        process.stdin.write(json.dumps(call).encode() + b"\n")
        process.stdin.flush()
        url = process.stderr.readline().decode().split()[-1]
        assert httpx.get(f"{url}/health", trust_env=False).is_success
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/health", trust_env=False)
        assert list(tmp_path.iterdir()) == []
    finally:
        process.kill()
        process.communicate()


def test_tools_are_listed_before_a_server_is_started(tmp_path: Path) -> None:
    """A program that has to wait for them goes on without."""
    ended = subprocess.run(
        PLAYS,
        input=b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}\n',
        env=environment(TMPDIR=str(tmp_path)),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr, list(tmp_path.iterdir())) == (0, b"", [])
    assert len(json.loads(ended.stdout)["result"]["tools"]) == 11


def test_an_address_at_which_no_server_answers_is_reported_in_one_line() -> None:
    ended = command("mcp", "--url", f"http://127.0.0.1:{free_port()}")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.splitlines()[-1].startswith("error: ")


@pytest.mark.parametrize("given", [("--listen", "here"), ("--listen", "0.0.0.0:70000"), ("--database", "x.db")])
def test_an_option_that_cannot_be_used_is_reported(given: tuple[str, str]) -> None:
    ended = command("mcp", "--url", "http://127.0.0.1:1", *given)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)


@pytest.fixture
def answering(server: ServerProcess) -> Iterator[McpServer]:
    client, loop = DebugClient(server.url), LoopThread()

    def begin() -> ToolEpisode:
        return loop.run(ToolEpisode.begin(client, task_id="medium", seed=5, agent="test"))

    yield McpServer("medium", begin, loop)
    loop.run(client.close())
    loop.close()


def asked(server: McpServer, method: str, **params: Any) -> dict[str, Any]:
    answered = server.answer(json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).encode())
    assert answered is not None
    found: dict[str, Any] = json.loads(answered)
    assert found["id"] == 7
    return found


def test_nothing_begins_before_a_tool_is_called(answering: McpServer) -> None:
    asked(answering, "initialize", protocolVersion=PROTOCOL_VERSIONS[0])
    asked(answering, "tools/list")
    assert answering.episode is None
    asked(answering, "tools/call", name=SHOW_TASK)
    assert answering.episode is not None


@pytest.mark.parametrize("version", [*PROTOCOL_VERSIONS, "1999-01-01"])
def test_the_version_that_is_asked_for_is_taken_if_it_is_known(version: str, answering: McpServer) -> None:
    result = asked(answering, "initialize", protocolVersion=version)["result"]
    assert result["protocolVersion"] == (version if version in PROTOCOL_VERSIONS else PROTOCOL_VERSIONS[-1])
    assert SHOW_TASK in result["instructions"]


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("resources/list", {}, -32601),
        ("tools/call", {"name": "reset"}, -32602),
        ("tools/call", {"name": "read_config", "arguments": [1]}, -32602),
    ],
)
def test_what_is_not_offered_is_an_error(method: str, params: dict[str, Any], code: int, answering: McpServer) -> None:
    assert asked(answering, method, **params)["error"]["code"] == code


@pytest.mark.parametrize(("line", "code"), [(b"{", -32700), (b"[]", -32600), (b'{"id": 1, "method": "ping"}', -32600)])
def test_a_line_that_is_no_request_is_an_error(line: bytes, code: int, answering: McpServer) -> None:
    assert json.loads(answering.answer(line) or b"")["error"]["code"] == code


def test_lines_are_answered_in_order_and_notifications_are_not(answering: McpServer) -> None:
    lines = [
        b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n',
        b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n',
        b"\n",
        b'{"jsonrpc": "2.0", "id": "two", "method": "ping"}\n',
    ]
    answers = io.BytesIO()
    serve_lines(answering, lines, answers)
    assert [json.loads(line)["id"] for line in answers.getvalue().splitlines()] == [1, "two"]


def test_over_http_a_verifier_reads_the_score_and_nothing_else(server: ServerProcess) -> None:
    port = free_port()
    arguments = ("--url", server.url, "--task", "medium", "--seed", "5", "--listen", f"127.0.0.1:{port}")
    process = subprocess.Popen([*PLAYS, *arguments], env=environment(), stderr=subprocess.PIPE)
    try:
        assert process.stderr is not None
        assert b"server: " in process.stderr.readline()
        assert b"/mcp; Ctrl-C ends it" in process.stderr.readline()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as http:
            assert http.get("/result").json() == {"done": False, "score": None}
            assert (http.get("/mcp").status_code, http.post("/reset", json={}).status_code) == (405, 404)
            request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
            http.post("/mcp", json={**request, "params": {"name": "inspect_preprocessing"}})
            http.post("/mcp", json={**request, "params": {"name": "submit_diagnosis", "arguments": RIGHT}})
            found = http.get("/result").json()
            assert (found["done"], set(found)) == (True, {"done", "score"})
            assert found["score"] > 0.9
            assert http.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/x"}).status_code == 202
            assert http.post("/mcp", content=b" " * ((1 << 20) + 1)).status_code == 413
    finally:
        process.terminate()
        process.communicate()
