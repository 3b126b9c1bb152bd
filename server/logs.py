"""How the log is written: as text, or as one JSON object a line. Bodies, headers and keys are never in it."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

from server.settings import Settings
from server.trace import EPISODE_ID, REQUEST_ID

ACCESS = "server.access"
"""The logger with a line for each request."""
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
        about = {"request_id": REQUEST_ID.get(), "episode_id": EPISODE_ID.get()}
        shown |= {name: value for name, value in about.items() if value is not None}
        shown |= getattr(record, "fields", {})
        if record.exc_info:
            shown["exception"] = self.formatException(record.exc_info)
        return json.dumps(shown, ensure_ascii=False, default=str)


def log_config(settings: Settings) -> dict[str, Any]:
    """What uvicorn configures logging with, ours and its own."""
    formatter: dict[str, Any] = {"format": _TEXT} if settings.log_format == "text" else {"()": JsonFormatter}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"default": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "default"}},
        "root": {"handlers": ["stderr"], "level": settings.log_level.upper()},
    }
