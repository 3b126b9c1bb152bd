"""What a line of the log is about: the request, and the episode. Kept in the context of the task that serves it."""

from __future__ import annotations

from contextvars import ContextVar

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Null: no request is served, but something in the background."""
EPISODE_ID: ContextVar[str | None] = ContextVar("episode_id", default=None)
"""Null: no episode yet."""
IS_REFUSED: ContextVar[bool] = ContextVar("is_refused", default=False)
"""Whether a WebSocket was answered with an HTTP response instead of being accepted."""
