"""The identity of a client. With an API key, names of episodes and sessions are scoped to the key.

Rule 1: the name of a keyed episode or session begins with the prefix of its key, so that its owner is known without a query.
Rule 2: without a key a name is the secret; such a name cannot look like a keyed one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

Scope = Literal["agent", "viewer", "operator"]
SCOPES: tuple[Scope, ...] = ("agent", "viewer", "operator")
KeyKind = Literal["agent", "baseline", "attack"]
KEY_KINDS: tuple[KeyKind, ...] = ("agent", "baseline", "attack")
IDENTITY = "mlops_debug.identity"
"""Key in the connection's scope."""

_KEYED = re.compile(r"k[0-9a-f]{8}[:.]")
MAX_NAME_CHARACTERS = 128


class ReservedNameError(Exception):
    """A client without the key gave something a name that belongs to the key, or one too long to be scoped."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the name {name} cannot be given")
        self.name = name


@dataclass(frozen=True, slots=True)
class Identity:
    """The key of a connection, or open access."""

    prefix: str | None
    """Public prefix of the API key; None: open access."""
    name: str | None
    """The key's name, which is the agent's name on the board; None: open access."""
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or "operator" in self.scopes

    def owns(self, name: str) -> bool:
        """Whether a keyed name is of this key."""
        return self.prefix is not None and owner_of(name) == self.prefix

    def scoped(self, name: str) -> str:
        """The scoped form of a name from the client; raises ``ReservedNameError``."""
        if self.prefix is None:
            if owner_of(name) is not None:
                raise ReservedNameError(name)
            return name
        if self.owns(name):
            return name
        scoped = f"{self.prefix}:{name}"
        if len(scoped) > MAX_NAME_CHARACTERS:
            raise ReservedNameError(name)
        return scoped


OPEN_ACCESS = Identity(None, None, frozenset(SCOPES))


def owner_of(name: str) -> str | None:
    """Prefix of the key that an episode or session belongs to; None: it belongs to no key."""
    return name[:9] if _KEYED.match(name) else None


def given_name(name: str) -> str:
    """The name that the client gave; the name of a ranked attempt is unchanged, because the round gives it."""
    return name[10:] if _KEYED.match(name) and name[9] == ":" else name


def identity_of(connection: HTTPConnection) -> Identity:
    identity: Identity = connection.scope.get(IDENTITY, OPEN_ACCESS)
    return identity


def client_of(connection: HTTPConnection) -> str:
    """The client for limits: the key, or without one the network address. Forwarding headers are not trusted."""
    identity = identity_of(connection)
    if identity.prefix is not None:
        return identity.prefix
    return connection.client.host if connection.client is not None else ""
