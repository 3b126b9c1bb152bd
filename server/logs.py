"""Log format: text, or one JSON object a line. Bodies, headers, keys, and names that give access to an episode are never
logged."""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from server.security.log_redaction import redacted_name, redacted_quoted_path
from server.settings import Settings

ACCESS = "server.access"
"""The logger with a line for each request."""
_OURS = ("server", "domain", "mlops_debug_env")
_TEXT = "%(levelname)-8s %(message)s"


class JsonFormatter(logging.Formatter):
    """One JSON object for each record, with the request and the episode that it is about."""

    def format(self, record: logging.LogRecord) -> str:
        shown: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        named = EPISODE_ID.get()
        about = {"request_id": REQUEST_ID.get(), "episode_id": redacted_name(named) if named is not None else None}
        shown |= {name: value for name, value in about.items() if value is not None}
        shown |= getattr(record, "fields", {})
        if record.exc_info:
            shown["exception"] = self.formatException(record.exc_info)
        return json.dumps(shown, ensure_ascii=False, default=str)


class HttpServerFilter(logging.Filter):
    """Redacts uvicorn's records: names in paths of sockets and requests, and headers at debug level."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.INFO:
            return False  # frames and headers, the key among them
        text = str(record.msg)
        if IS_REFUSED.get() and text.startswith("ASGI callable returned without"):
            return False  # also logged where a handshake was answered with an HTTP response
        at = 1 if '"WebSocket %s"' in text else 2 if record.name == "uvicorn.access" else None
        if at is not None and isinstance(record.args, tuple) and len(record.args) > at:
            path = repr(redacted_quoted_path(str(record.args[at])))[1:-1]
            record.args = (*record.args[:at], path, *record.args[at + 1 :])
        return True


_HTTP_SERVER_FILTER = HttpServerFilter()


def redact_server_logs() -> None:
    """Add the filter to uvicorn's loggers, whatever the logging configuration."""
    for name in ("uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).addFilter(_HTTP_SERVER_FILTER)


def log_config(settings: Settings) -> dict[str, Any]:
    """The logging configuration for uvicorn's loggers and ours."""
    level = settings.log_level.upper()
    formatter: dict[str, Any] = {"format": _TEXT} if settings.log_format == "text" else {"()": JsonFormatter}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"default": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "default"}},
        # At debug level libraries log statements with their values, and headers.
        "root": {"handlers": ["stderr"], "level": "INFO" if level == "DEBUG" else level},
        "loggers": {name: {"level": level} for name in _OURS},
    }


REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""None: a background task."""


EPISODE_ID: ContextVar[str | None] = ContextVar("episode_id", default=None)
"""None: no episode yet."""


IS_REFUSED: ContextVar[bool] = ContextVar("is_refused", default=False)
"""Whether a WebSocket was answered with an HTTP response instead of being accepted."""
