"""Names of sessions in events: an HMAC of the session key, because without an API key the session key gives access.

A plain digest lets an attacker confirm guesses offline; an HMAC needs the secret. Events of earlier versions have the SHA-256
of the key and are never changed: such a session is found by both names, and published forms of such an episode leave out
everything from which the name could be derived.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any, NamedTuple

from pydantic_core import from_json

from domain.chain import Link

MARK = "hmac:"
"""Prefix of recorded names; distinguishes them from a SHA-256 in hex."""
PURPOSE = "session names"
"""Which secret of the server's signing key it is."""


class SessionNames:
    """Derives session names with a secret that all servers of an installation share."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, key: str) -> SessionName:
        """The recorded name of a session, and the one of earlier versions."""
        digest = hmac.new(self._secret, key.encode(), hashlib.sha256).digest()
        recorded = MARK + base64.urlsafe_b64encode(digest).decode().rstrip("=")
        return SessionName(recorded, hashlib.sha256(key.encode()).hexdigest())


def is_guessable(session: str | None, owner: str | None) -> bool:
    """Whether the key can be guessed from a recorded name and gives access by itself."""
    return session is not None and owner is None and not session.startswith(MARK)


def has_guessable_session(begun: Link) -> bool:
    """The same for the first event of a stream; True if it cannot be read."""
    try:
        payload: Any = from_json(begun.payload or b"")
        return is_guessable(payload.get("session"), payload.get("key"))
    except (ValueError, AttributeError):
        return True


class SessionName(NamedTuple):
    """The names of a session in events."""

    recorded: str
    earlier: str
    """The name in events of earlier versions."""
