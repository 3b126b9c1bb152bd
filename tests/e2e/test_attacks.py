"""A list of attacks. Each fails closed: it is refused, nothing is recorded, and the server goes on."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from server.web.middleware.header_timeout import HEAD_BYTES, READ_BYTES
from tests.e2e.playing import Episode, accepted, assert_problem, open_client, open_socket
from tests.e2e.running import ServerProcess, environment

INJECTIONS = (
    "'; DROP TABLE events; --",
    '" OR 1=1 --',
    "1); DELETE FROM episodes; --",
    "../../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "%2e%2e%2fetc%2fpasswd",
    "file:///etc/passwd",
    "{{7*7}}",
    "${jndi:ldap://evil.example/a}",
    "\u202egnp.exe",
    "__class__.__mro__[1]",
    "a\x00b",
    "$(reboot)",
    "<script>alert(1)</script>",
)


def resident_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def test_a_guessed_id_opens_nothing(http: httpx.Client) -> None:
    episode = Episode(http)
    assert len(episode.id) >= 22  # 128 random bits, in 64 letters, behind the time
    guess = episode.id[:-1] + ("A" if episode.id[-1] != "A" else "B")
    with open_client(str(http.base_url)) as stranger:
        assert_problem(stranger.get(f"/episodes/{guess}/state"), 404, "unknown_episode")
        assert_problem(
            stranger.post(f"/episodes/{guess}/step", json={"action_type": "read_config"}), 404, "unknown_episode"
        )
        # Without a name, and without the cookie, there is no way to another's episode.
        assert_problem(stranger.get("/state"), 400, "episode_unnamed")
    assert episode.state()["step_count"] == 0


def test_an_episode_of_a_session_is_not_taken_by_another_session(http: httpx.Client) -> None:
    begun = accepted(http.post("/sessions/victim-7f3a/reset", json={"episode_id": "attacked-1"}))
    assert begun["info"]["episode_id"] == "attacked-1"
    for body in ({"episode_id": "attacked-1"}, {"episode_id": "attacked-1", "resume": True}):
        assert_problem(http.post("/sessions/thief-7f3a/reset", json=body), 409, "episode_exists")


def test_a_replayed_request_is_answered_and_not_done_again(http: httpx.Client) -> None:
    episode = Episode(http)
    one = episode.post({"action_type": "read_config"}, request_id="r-1")
    again = episode.post({"action_type": "read_config"}, request_id="r-1")
    assert again.content == one.content
    assert episode.state()["step_count"] == 1
    assert_problem(episode.post({"action_type": "read_logs"}, request_id="r-1"), 409, "request_id_reused")


@pytest.mark.parametrize("path", ["/ws", "/sessions/victim-7f3a/ws", "/mcp", "/sessions/victim-7f3a/mcp"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example"])
def test_a_web_socket_of_another_site_is_refused_before_it_opens(server: ServerProcess, path: str, origin: str) -> None:
    url = server.socket_url.removesuffix("/ws") + path
    with pytest.raises(InvalidStatus) as refused, connect(url, additional_headers={"Origin": origin}, proxy=None):
        pass
    assert refused.value.response.status_code == 403
    assert json.loads(refused.value.response.body or b"{}")["code"] == "origin_refused"


def test_a_rebound_name_reaches_nothing(server: ServerProcess) -> None:
    with open_client(server.url) as http:
        assert_problem(http.get("/tasks", headers={"Host": f"evil.example:{server.port}"}), 421, "wrong_host")


def test_an_over_long_field_is_refused(http: httpx.Client) -> None:
    episode = Episode(http)
    for action in (
        {"action_type": "read_logs", "log_filter": "x" * 301},
        {"action_type": "query_artifact", "artifact_name": "config.yaml", "field_path": "a." * 200},
        {"action_type": "submit_diagnosis", "diagnosis": "x" * 4001},
        {"action_type": "submit_diagnosis", "root_cause_field": "x" * 301},
    ):
        assert_problem(episode.post(action), 422, "invalid")
    assert_problem(http.post("/reset", json={"agent": "x" * 201}), 422, "invalid")
    assert_problem(http.get("/state", params={"episode_id": "x" * 129}), 422, "invalid")
    assert_problem(http.get(f"/episodes/{'x' * 5000}/state"), 422, "invalid")
    assert episode.state()["step_count"] == 0


@pytest.mark.parametrize(
    "bomb", ["(a+)+$", "(a|aa)+$" + "a" * 200, "(.*)*" * 50, "epoch:" + "9" * 290, "epoch:1-" + "9" * 290, "[" * 300]
)
def test_a_regex_bomb_is_a_plain_keyword(http: httpx.Client, bomb: str) -> None:
    episode = Episode(http)
    started = time.monotonic()
    result = episode.result("read_logs", log_filter=bomb)
    assert result["content"] == ""
    episode.step("query_artifact", artifact_name="train.log", field_path=bomb)
    episode.step("submit_diagnosis", proposed_fix=(bomb * 20)[:600], diagnosis=(bomb * 50)[:4000])
    assert time.monotonic() - started < 20  # exponential work would not end at all


@pytest.mark.parametrize("text", INJECTIONS)
def test_an_injection_in_any_string_is_only_a_string(http: httpx.Client, text: str) -> None:
    before = http.get("/tasks").content
    for body in ({"episode_id": text}, {"request_id": text}, {"task_id": text}, {"reward_mode": text}, {"split": text}):
        assert_problem(http.post("/reset", json=body), 422, "invalid")
    named = http.post("/reset", json={"agent": text})
    assert named.status_code == (422 if "\x00" in text else 200), named.text
    episode = Episode(http)
    log = episode.post({"action_type": "read_logs", "log_filter": text})
    query = episode.post({"action_type": "query_artifact", "artifact_name": "config.yaml", "field_path": text})
    for response, expected in ((log, "ok"), (query, "refused")):
        if "\x00" not in text or response.status_code == 200:
            assert accepted(response)["observation"]["last_action_result"]["status"] == expected
        else:
            assert_problem(response, 422, "invalid")
    assert_problem(episode.post({"action_type": "read_artifact", "artifact_name": text}), 422, "invalid")
    assert_problem(episode.post({"action_type": text}), 422, "invalid")
    sent = dict.fromkeys(("root_cause_file", "root_cause_field", "diagnosis", "proposed_fix"), text)
    last = episode.post({"action_type": "submit_diagnosis", **sent})
    if "\x00" not in text or last.status_code == 200:
        assert accepted(last)["reward"] == 0.01
    for path in (f"/episodes/{text}/state", f"/docs/{text}", f"/{text}/splits", f"/sessions/{text}/state"):
        raw = "".join(f"%{byte:02x}" for byte in text.encode())
        assert http.get(path.replace(text, raw)).status_code in (400, 404, 422)
    assert http.get("/tasks").content == before
    assert episode.state()["done"] is True


def test_forged_proxy_headers_change_nothing(http: httpx.Client) -> None:
    forged = {
        "X-Forwarded-For": "10.0.0.1",
        "X-Real-IP": "10.0.0.1",
        "Forwarded": "for=10.0.0.1;host=evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-HTTP-Method-Override": "DELETE",
        "X-Original-URL": "/openenv/state",
        "X-Rewrite-URL": "/openenv/state",
    }
    assert http.get("/health", headers=forged).content == http.get("/health").content
    assert "evil.example" not in http.get("/nowhere", headers=forged).text


def test_forged_proxy_headers_do_not_lift_the_limit(tmp_path: Path) -> None:
    limited = ServerProcess(tmp_path, child_environment=environment(MLOPS_DEBUG_STEPS_PER_SECOND="1"))
    limited.start()
    try:
        with open_client(limited.url) as http:
            episode = Episode(http)
            statuses = [
                http.post(
                    f"/episodes/{episode.id}/step",
                    json={"action_type": "read_config"},
                    headers={"X-Forwarded-For": f"10.0.0.{number}", "X-Real-IP": f"10.0.0.{number}"},
                ).status_code
                for number in range(20)
            ]
            assert 429 in statuses
    finally:
        limited.stop()


def _closes(connection: socket.socket, *, within_seconds: float) -> bool:
    connection.settimeout(within_seconds)
    try:
        while connection.recv(65_536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that waits for a head for 0.3 s."""
    child = environment(MLOPS_DEBUG_HEADER_TIMEOUT_SECONDS="0.3")
    process = ServerProcess(tmp_path_factory.mktemp("hasty"), child_environment=child)
    process.start()
    yield process
    process.stop()


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", b"G", b"GET /health HTTP/1.1\r\n\r\n"[:-2]],
    ids=["says nothing", "a header without an end", "a letter", "no empty line"],
)
def test_a_slow_head_is_not_waited_for(hasty: ServerProcess, begun: bytes) -> None:
    with socket.create_connection(("127.0.0.1", hasty.port)) as slow:
        slow.sendall(begun)
        assert _closes(slow, within_seconds=30)
    with open_client(hasty.url) as http:
        accepted(http.get("/health"))


def test_many_slow_clients_block_no_other(server: ServerProcess) -> None:
    open_sockets = []
    try:
        for _ in range(100):
            slow = socket.create_connection(("127.0.0.1", server.port))
            slow.sendall(b"POST /reset HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
            open_sockets.append(slow)
        with open_client(server.url) as http:
            assert Episode(http).state()["done"] is False
    finally:
        for slow in open_sockets:
            slow.close()


def _send_until_refused(connection: socket.socket, piece: bytes, *, at_most: int) -> int:
    sent = 0
    with suppress(OSError):
        while sent < at_most:
            sent += connection.send(piece)
    return sent


def test_a_head_without_an_end_is_cut_off(server: ServerProcess) -> None:
    before = resident_bytes(server.pid)
    with socket.create_connection(("127.0.0.1", server.port)) as endless:
        endless.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
        sent = _send_until_refused(endless, b"X-A: " + b"a" * 65_000 + b"\r\n", at_most=64 * 1024 * 1024)
    print(f"cut off after {sent} bytes")
    assert sent < 64 * 1024 * 1024
    assert resident_bytes(server.pid) - before < 16 * (HEAD_BYTES + READ_BYTES)


def test_a_compressed_bomb_is_not_unpacked(server: ServerProcess) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    before = resident_bytes(server.pid)
    with open_client(server.url) as http:
        for encoding in ("gzip", "deflate", "br"):
            headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
            assert_problem(http.post("/reset", content=bomb, headers=headers), 400, "invalid_json")
        assert_problem(http.post("/reset", content=b"[" * 300_000), 413, "body_too_large")
    assert resident_bytes(server.pid) - before < 20_000_000


def test_a_compressed_frame_is_unpacked_no_further_than_the_limit(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, child_environment=environment(MLOPS_DEBUG_COMPRESS_SOCKETS="true"))
    server.start()
    try:
        before = resident_bytes(server.pid)
        with connect(server.socket_url, compression="deflate", proxy=None) as bomb:
            assert bomb.protocol.extensions  # it is sent compressed
            with pytest.raises(ConnectionClosed):
                _send_and_wait(bomb, " " * 60_000_000)
        grown = resident_bytes(server.pid) - before
        print(f"grown by {grown} bytes")
        assert grown < 30_000_000
        with open_socket(server.socket_url) as socket_:
            assert socket_.ask("reset")["type"] == "observation"
    finally:
        server.stop()


def _send_and_wait(connection: ClientConnection, text: str) -> None:
    connection.send(text)
    connection.recv(timeout=30)


def test_a_length_that_is_a_lie_does_not_hold_the_server(server: ServerProcess) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as liar:
        liar.sendall(b"POST /reset HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999\r\n\r\n{}")
        smuggled = b"POST /reset HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        with socket.create_connection(("127.0.0.1", server.port)) as both:
            both.sendall(smuggled + b"GET /metadata HTTP/1.1\r\nHost: localhost\r\n\r\n")
            both.settimeout(20)
            assert both.recv(65_536).startswith((b"HTTP/1.1 400", b"HTTP/1.1 200"))
        with open_client(server.url) as http:
            accepted(http.get("/health"))


def test_no_answer_shows_the_inside(http: httpx.Client) -> None:
    answers: list[httpx.Response] = [
        http.get("/nowhere"),
        http.post("/reset", content=b"\xff"),
        http.request("TRACE", "/reset"),
        http.get("/episodes/%ff/state"),
    ]
    for response in answers:
        assert "Traceback" not in response.text
        assert ".py" not in response.text
        assert "server" not in response.headers
