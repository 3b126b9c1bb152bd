"""How sessions are named in events: by an HMAC of their key. Without an API key the session key is all that is needed to play.

A digest lets a guess of the key be confirmed as fast as one can hash; an HMAC only by those who have the secret. Events recorded
before hold the SHA-256 of the key and are never changed: such a session is found by both names, and what is published of
such an episode leaves out everything from which the name could be found.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any, NamedTuple

from pydantic_core import from_json

from domain.chain import Link

MARK = "hmac:"
"""What a recorded name begins with; a SHA-256 in hex does not."""
PURPOSE = "session names"
"""Which secret of the server's signing key it is."""


class SessionNames:
    """Names sessions by a secret that all servers of an installation share."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, key: str) -> SessionName:
        """The name of a session as it is recorded, and as it was."""
        digest = hmac.new(self._secret, key.encode(), hashlib.sha256).digest()
        recorded = MARK + base64.urlsafe_b64encode(digest).decode().rstrip("=")
        return SessionName(recorded, hashlib.sha256(key.encode()).hexdigest())


def is_guessable(session: str | None, owner: str | None) -> bool:
    """Whether a recorded name lets the key be found, and the key alone lets its holder play."""
    return session is not None and owner is None and not session.startswith(MARK)


def tells_session(begun: Link) -> bool:
    """The same of the first event of a stream. What cannot be read may hold anything."""
    try:
        payload: Any = from_json(begun.payload or b"")
        return is_guessable(payload.get("session"), payload.get("key"))
    except (ValueError, AttributeError):
        return True


class SessionName(NamedTuple):
    """What the log calls a session; see `session_names`."""

    recorded: str
    earlier: str
    """In events that were recorded before session names were keyed."""
