"""One JSON object a line for every record."""

from __future__ import annotations

import json
import logging

import pytest
from starlette.routing import Route, WebSocketRoute

from server.app import create_app
from server.logs import EPISODE_ID, IS_REFUSED, REQUEST_ID, HttpServerFilter, JsonFormatter, log_config
from server.security.log_redaction import WORDS, redacted_name, redacted_path
from server.settings import Settings


def formatted(message: str, *arguments: object, exception: BaseException | None = None) -> str:
    about = (type(exception), exception, None) if exception is not None else None
    return JsonFormatter().format(logging.LogRecord("server.x", logging.WARNING, "x.py", 1, message, arguments, about))


def test_a_message_over_several_lines_stays_one_line() -> None:
    line = formatted("two\nlines %s", {"größe": "\u2028"})
    assert "\n" not in line
    assert json.loads(line)["message"] == "two\nlines {'größe': '\\u2028'}"


def test_the_context_is_named_where_there_is_one() -> None:
    assert set(json.loads(formatted("x"))) == {"time", "level", "logger", "message"}
    request, episode = REQUEST_ID.set("r-1"), EPISODE_ID.set("e-1")
    try:
        shown = json.loads(formatted("x"))
    finally:
        REQUEST_ID.reset(request)
        EPISODE_ID.reset(episode)
    assert (shown["request_id"], shown["episode_id"], shown["level"]) == ("r-1", redacted_name("e-1"), "warning")


def test_an_exception_is_in_the_same_object() -> None:
    assert "ValueError: broken" in json.loads(formatted("x", exception=ValueError("broken")))["exception"]


def test_the_name_of_a_keyed_episode_is_shown_and_any_other_is_a_code() -> None:
    assert redacted_name("k1a2b3c4d:demo") == "k1a2b3c4d:demo"
    assert redacted_name("demo") == redacted_name("demo") != redacted_name("demo2")
    assert "demo" not in redacted_name("demo")
    for odd in ("", "\ud800", "K1A2B3C4D:demo", "k1a2b3c4\u0664:demo", "x" * 10_000):
        assert len(redacted_name(odd)) == 13


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/health", "/health"),
        ("/", "/"),
        ("/static/pages.css", "/static/pages.css"),
        ("/episodes/k1a2b3c4d:demo/state", "/episodes/k1a2b3c4d:demo/state"),
        ("/sessions/k/ws", "/sessions/{}/ws"),
        ("/sessions/k/ws?token=k", "/sessions/{}/ws"),
        ("/SESSIONS/k/ws", "/SESSIONS/{}/ws"),
        ("//sessions/k", "//sessions/{}"),
        ("/nowhere/k", "/nowhere/{}"),
    ],
)
def test_of_a_path_only_what_names_nothing_is_shown(path: str, expected: str) -> None:
    assert redacted_path(path) == expected.format(redacted_name("k"))


def test_the_parts_of_all_routes_are_shown_in_the_log() -> None:
    routes = [each for each in create_app(Settings()).routes if isinstance(each, Route | WebSocketRoute)]
    parts = [part for each in routes for part in each.path.split("/")[2:] if each.path.split("/")[1] != "docs"]
    assert {part for part in parts if not part.startswith("{")} <= WORDS


def said(name: str, level: int, message: str, *arguments: object) -> str | None:
    record = logging.LogRecord(name, level, "x.py", 1, message, arguments, None)
    return record.getMessage() if HttpServerFilter().filter(record) else None


def test_what_the_http_server_says_of_paths_names_nothing() -> None:
    accepted = said(
        "uvicorn.error", logging.INFO, '%s - "WebSocket %s" [accepted]', "1.2.3.4:5", "/sessions/k%3Ab/ws?x=k"
    )
    assert accepted == f'1.2.3.4:5 - "WebSocket /sessions/{redacted_name("k:b")}/ws" [accepted]'
    request = said(
        "uvicorn.access", logging.INFO, '%s - "%s %s HTTP/%s" %d', "1.2.3.4:5", "GET", "/episodes/k?x=k", "1.1", 200
    )
    assert request == f'1.2.3.4:5 - "GET /episodes/{redacted_name("k")} HTTP/1.1" 200'
    assert said("uvicorn.error", logging.INFO, "Started server process [%d]", 7) == "Started server process [7]"
    assert said("uvicorn.error", logging.DEBUG, "> Authorization: %s", "k") is None


def test_a_socket_that_was_answered_is_no_error_and_one_that_was_not_is() -> None:
    message = "ASGI callable returned without completing handshake."
    assert said("uvicorn.error", logging.ERROR, message) == message
    token = IS_REFUSED.set(True)
    try:
        assert said("uvicorn.error", logging.ERROR, message) is None
        assert said("uvicorn.error", logging.ERROR, "Exception in ASGI application") is not None
    finally:
        IS_REFUSED.reset(token)


def test_the_application_redacts_secrets_with_any_logging_configuration() -> None:
    for _ in range(2):
        create_app(Settings())
    for name in ("uvicorn.error", "uvicorn.access"):
        assert [type(each) for each in logging.getLogger(name).filters] == [HttpServerFilter]


def test_at_debug_level_only_our_own_modules_say_more() -> None:
    config = log_config(Settings(log_level="debug"))
    assert config["root"]["level"] == "INFO"
    assert {each["level"] for each in config["loggers"].values()} == {"DEBUG"}
    assert log_config(Settings(log_level="error"))["root"]["level"] == "ERROR"
