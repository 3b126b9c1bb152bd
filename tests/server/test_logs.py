"""One JSON object a line, whatever is logged."""

from __future__ import annotations

import json
import logging

from server.logs import JsonFormatter
from server.trace import EPISODE_ID, REQUEST_ID


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
    assert (shown["request_id"], shown["episode_id"], shown["level"]) == ("r-1", "e-1", "warning")


def test_an_exception_is_in_the_same_object() -> None:
    assert "ValueError: broken" in json.loads(formatted("x", exception=ValueError("broken")))["exception"]
