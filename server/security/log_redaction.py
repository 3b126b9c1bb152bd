"""What the log calls episodes and sessions: without an API key their names are all that is needed to play.

A name that belongs to an API key is shown. Any other is shown as a short code, the same for the same name as long as the
process runs, so that the lines about one episode can be put together and nothing can be done with them.
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
"""Parts of paths that name nothing; a test holds them equal to those of the routes that have several parts."""
_FOLDERS = frozenset(("static", "docs"))
"""Below them are files."""
_PLAIN = re.compile(r"[A-Za-z0-9._~-]{1,40}")


def shown_name(name: str) -> str:
    """The name of an episode or a session as the log has it."""
    if owner_of(name) is not None:
        return name
    return "#" + hmac.new(_SECRET, name.encode(errors="replace"), hashlib.sha256).hexdigest()[:_CODE_LENGTH]


def shown_path(path: str) -> str:
    """A path as the log has it, without the query. The first part is never a name, so it tells what was looked for."""
    _, *parts = path.partition("?")[0].split("/")
    if not parts or parts[0] in _FOLDERS:
        return path.partition("?")[0]
    first = parts[0] if _PLAIN.fullmatch(parts[0]) or not parts[0] else shown_name(parts[0])
    return "/".join(("", first, *(each if each in WORDS else shown_name(each) for each in parts[1:])))


def shown_quoted_path(path: str) -> str:
    """The same of a path as it stands in an address."""
    return shown_path(unquote(path.partition("?")[0]))
