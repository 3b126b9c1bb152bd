"""Redacts names of episodes and sessions in the log, because without an API key the name gives access.

A name that belongs to an API key is shown. Any other is shown as a short code, the same for the same name as long as the
process runs, so that the lines about one episode can be correlated, and the code gives no access.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from urllib.parse import unquote

from server.security.identity import owner_of

_SECRET = secrets.token_bytes(32)
_CODE_LENGTH = 12
WORDS = frozenset(
    (
        "",
        "sessions",
        "episodes",
        "reset",
        "step",
        "state",
        "events",
        "transcript",
        "ws",
        "mcp",
        "openenv",
        "audit",
        "live",
        "feed",
        "play",
    )
    + ("begin", "act", "splits", "tasks", "num_tasks", "task", "task_range")
)
"""Fixed parts of paths; a test compares them with the routes."""
_FOLDERS = frozenset(("static", "docs"))
"""Below them are files."""
_PLAIN = re.compile(r"[A-Za-z0-9._~-]{1,40}")


def redacted_name(name: str) -> str:
    """A name of an episode or a session, redacted unless it belongs to a key."""
    if owner_of(name) is not None:
        return name
    return "#" + hmac.new(_SECRET, name.encode(errors="replace"), hashlib.sha256).hexdigest()[:_CODE_LENGTH]


def redacted_path(path: str) -> str:
    """A path without its query and with names redacted. The first part is never a name, so it is kept."""
    _, *parts = path.partition("?")[0].split("/")
    if not parts or parts[0] in _FOLDERS:
        return path.partition("?")[0]
    first = parts[0] if _PLAIN.fullmatch(parts[0]) or not parts[0] else redacted_name(parts[0])
    return "/".join(("", first, *(each if each in WORDS else redacted_name(each) for each in parts[1:])))


def redacted_quoted_path(path: str) -> str:
    """The same for a percent-encoded path."""
    return redacted_path(unquote(path.partition("?")[0]))
