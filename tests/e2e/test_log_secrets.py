"""What a real server process writes to its log while secrets pass through it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from itertools import product
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.e2e.running import ServerProcess, environment
from tests.profiles import smoke

RESET = '{"type": "reset"}'
CALLED = '{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'


def use(server: ServerProcess) -> None:
    """Every way in which a name or a key comes to the server, accepted and refused."""
    bearer = {"Authorization": "Bearer SECRET-bearer", "Cookie": "mlops_debug_episode=SECRET-cookie"}
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30, headers=bearer) as http:
        assert http.post("/sessions/SECRET-session/reset").status_code == 200
        assert http.post("/reset", json={"episode_id": "SECRET-episode"}).status_code == 200
        for path in (
            *(
                "/sessions/SECRET-session/state?x=SECRET-query",
                "/episodes/SECRET-episode/state",
                "/session/SECRET-typo/state",
            ),
            *(
                "/episodes/SECRET-episode",
                "/state?episode_id=SECRET-episode",
                "/episodes?q=SECRET-episode",
                "/a/b/SECRET-path",
            ),
            *("/sessions/%53ECRET-coded/state", "//sessions//SECRET-slashes/state", "/sessions;SECRET-semicolon/state"),
            *(
                "/Sessions/SECRET-case/state",
                "/sessions/SECRET-line%0Aend/state",
                "/sessions/SECRET-\u00e9\u0661/state",
            ),
        ):
            http.get(f"{server.url}{path}")
        http.post("/sessions/SECRET-session/step", json={"action": {"action_type": "read_config"}})
        http.post("/sessions/SECRET-mcp/mcp", content=CALLED)
    for path, headers in (
        *(
            (each, bearer)
            for each in ("/sessions/SECRET-socket/ws", "/ws?session_id=SECRET-query", "/sessions/SECRET-mcp/mcp")
        ),
        *(
            (each, {})
            for each in ("/mcp?session_id=SECRET-query", "/no/SECRET-socket/ws", "/sessions/SECRET-line%0A/ws")
        ),
        ("/sessions/SECRET-foreign/ws", {"Origin": "http://evil.example"}),
        ("/sessions/SECRET-session/ws", {"X-API-Key": "mdk_kSECRET_wrong"}),
    ):
        _converse(f"{server.url.replace('http', 'ws', 1)}{path}", headers)


def _converse(address: str, headers: Mapping[str, str]) -> None:
    with suppress(InvalidStatus), connect(address, proxy=None, additional_headers=dict(headers)) as socket:
        socket.send(CALLED if "mcp" in address else RESET)
        socket.recv()


LOGS = list(product(("info", "debug"), ("text", "json")))


@pytest.mark.parametrize(
    "log", smoke(LOGS, {("info", "json"), ("debug", "text")}.__contains__), ids=map("-".join, LOGS)
)
def test_no_secret_is_in_the_log_and_a_refused_socket_is_no_error(tmp_path: Path, log: tuple[str, str]) -> None:
    level, form = log
    variables = {"MLOPS_DEBUG_ACCESS_LOG": "true", "MLOPS_DEBUG_LOG_FORMAT": form}
    server = ServerProcess(tmp_path, child_environment=environment(**variables), log_level=level)
    server.start()
    try:
        use(server)
    finally:
        server.stop()
    assert "/sessions/#" in server.output
    assert "WebSocket /sessions/#" in server.output
    assert [line for line in server.output.splitlines() if re.search("SECRET|ECRET-|hmac:", line)] == []
    assert not re.search('^(ERROR|WARNING)|"level": "(error|warning)"|Traceback', server.output, re.MULTILINE)
