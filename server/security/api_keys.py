"""API keys: created by the operator, shown once, stored as SHA-256, compared in constant time.

A key reads ``mdk_<prefix>_<secret>``: the prefix is public and finds the row, the secret has 128 random bits.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from typing import Callable, NamedTuple

from sqlalchemy import Connection, Row, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from server.security.identity import Identity, KeyKind, Scope
from server.storage.connections import fetch_all
from server.storage.schema import keys

MARK = "mdk"
KEY_CACHE_TTL_SECONDS = 2.0
"""How long a valid key is cached; a revoked one is refused after that, on open sockets too."""
MAX_CACHED_KEYS = 10_000

_BY_PREFIX = select(keys).where(keys.c.prefix == bindparam("wanted"))
_NO_HASH = bytes(32)


class KeyRefusedError(Exception):
    """No key, an unknown one, or a revoked one."""


class KeyNameTakenError(ValueError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is a key named {name}; a name belongs to one agent for ever; choose another")
        self.name = name


class UnknownKeyError(LookupError):
    def __init__(self, wanted: str) -> None:
        super().__init__(f"there is no key {wanted} that is not revoked; mlops-debug keys list shows all")
        self.wanted = wanted


class ListedKey(NamedTuple):
    """The public data of a key."""

    prefix: str
    name: str
    kind: str
    scopes: tuple[str, ...]
    created_at: str
    revoked_at: str | None
    """None: not revoked."""


def create_key(
    connection: Connection,
    name: str,
    scopes: tuple[Scope, ...],
    *,
    kind: KeyKind,
    now: str,
    draw: Callable[[int], str] = secrets.token_hex,
) -> str:
    """Store a new key; the result is the only copy of its text. Raises ``KeyNameTakenError``."""
    if connection.execute(select(keys.c.prefix).where(keys.c.name == name)).first() is not None:
        raise KeyNameTakenError(name)
    prefix, secret = f"k{draw(4)}", draw(16)
    values = {"prefix": prefix, "name": name, "kind": kind, "scopes": ",".join(scopes)}
    connection.execute(keys.insert().values(**values, secret_hash=_hash(secret), created_at=now, revoked_at=None))
    return f"{MARK}_{prefix}_{secret}"


def revoke_key(connection: Connection, wanted: str, *, now: str) -> ListedKey:
    """Revoke by prefix or name; raises ``UnknownKeyError``. The name stays taken: it is on the board."""
    named = (keys.c.prefix == wanted) | (keys.c.name == wanted)
    row = connection.execute(select(keys).where(named, keys.c.revoked_at.is_(None))).one_or_none()
    if row is None:
        raise UnknownKeyError(wanted)
    connection.execute(keys.update().where(keys.c.prefix == row.prefix).values(revoked_at=now))
    return _listed(row)._replace(revoked_at=now)


def list_keys(connection: Connection) -> list[ListedKey]:
    return [_listed(row) for row in connection.execute(select(keys).order_by(keys.c.created_at, keys.c.prefix))]


def count_keys(connection: Connection) -> int:
    """Number of keys that are not revoked."""
    valid = select(func.count()).select_from(keys).where(keys.c.revoked_at.is_(None))
    return int(connection.execute(valid).scalar_one())


@dataclass(frozen=True, slots=True)
class _CachedKey:
    secret_hash: bytes
    identity: Identity
    until: float


class Keys:
    """Authenticates keys, with a short-lived cache, so that a request does not need a query."""

    def __init__(self, reader: AsyncEngine, *, now: Callable[[], float] = time.monotonic) -> None:
        self._reader = reader
        self._now = now
        self._cache: dict[str, _CachedKey] = {}

    async def authenticate(self, text: str) -> Identity:
        """The identity of a key's text; raises ``KeyRefusedError``."""
        mark, _, rest = text.partition("_")
        prefix, _, secret = rest.partition("_")
        cached = await self._find_valid(prefix) if mark == MARK else None
        # The comparison is made in any case, so that the time does not reveal which prefixes exist.
        is_right = hmac.compare_digest(_hash(secret), cached.secret_hash if cached is not None else _NO_HASH)
        if cached is None or not is_right:
            raise KeyRefusedError
        return cached.identity

    async def check(self, identity: Identity) -> None:
        """Check that the key of an open socket is still valid; raises ``KeyRefusedError``."""
        if identity.prefix is not None and await self._find_valid(identity.prefix) is None:
            raise KeyRefusedError

    async def _find_valid(self, prefix: str) -> _CachedKey | None:
        now = self._now()
        cached = self._cache.get(prefix)
        if cached is not None and now < cached.until:
            return cached
        self._cache.pop(prefix, None)
        rows = await fetch_all(self._reader, _BY_PREFIX, wanted=prefix)
        if not rows or rows[0].revoked_at is not None:
            return None
        row = rows[0]
        if len(self._cache) >= MAX_CACHED_KEYS:
            self._cache.clear()
        cached = self._cache[prefix] = _CachedKey(row.secret_hash, _identity(row), now + KEY_CACHE_TTL_SECONDS)
        return cached


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _identity(row: Row[tuple[object, ...]]) -> Identity:
    return Identity(row.prefix, row.name, frozenset(row.scopes.split(",")))


def _listed(row: Row[tuple[object, ...]]) -> ListedKey:
    return ListedKey(row.prefix, row.name, row.kind, tuple(row.scopes.split(",")), row.created_at, row.revoked_at)
