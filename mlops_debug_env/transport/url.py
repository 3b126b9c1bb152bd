"""Parses the base URL of a server, and reports an invalid one in a single line."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from mlops_debug_env.protocol.errors import InvalidAddressError

_SECURE_OF_SCHEME = {"http": False, "ws": False, "https": True, "wss": True}
_NAME = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_EXAMPLE = "write it like http://127.0.0.1:7860"


@dataclass(frozen=True, slots=True)
class Address:
    """One session on one server."""

    root: str
    """Host, port and the path that a proxy may put before; without scheme and without a slash at its end."""
    is_secure: bool
    session_key: str

    @property
    def http_url(self) -> str:
        return f"{'https' if self.is_secure else 'http'}://{self.root}"

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine: then the proxy of the environment variables is not used."""
        return is_loopback(urlsplit(f"//{self.root}").hostname or "")

    @property
    def socket_url(self) -> str:
        return f"{'wss' if self.is_secure else 'ws'}://{self.root}/sessions/{self.session_key}/ws"


def parse_address(base_url: str, *, session_key: str | None, fresh_key: str) -> Address:
    """The address of a session; ``fresh_key`` is its key where neither the URL nor ``session_key`` names one.

    Raises:
        InvalidAddressError: the URL or the key cannot be used.
    """
    parts = _split(base_url)
    path = parts.path.rstrip("/").removesuffix("/ws")
    path, key_in_url = _without_key(path)
    if key_in_url is not None and session_key not in (None, key_in_url):
        raise InvalidAddressError(f"The base URL names session {key_in_url}, session_key says {session_key}; say one.")
    key = session_key or key_in_url or fresh_key
    if not _NAME.fullmatch(key):
        raise InvalidAddressError(f"The session key {key!r} must be 1 to 128 of the characters A-Z a-z 0-9 . _ : -")
    return Address(root=f"{parts.netloc}{path}", is_secure=_SECURE_OF_SCHEME[parts.scheme], session_key=key)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_name(name: str, what: str) -> str:
    """Check a name of an episode or a request by the server's rules.

    Raises:
        InvalidAddressError: it has other characters, or too many.
    """
    if not _NAME.fullmatch(name):
        raise InvalidAddressError(f"The {what} {name!r} must be 1 to 128 of the characters A-Z a-z 0-9 . _ : -")
    return name


def redirected(url: str, target: str | None) -> str:
    """The error text for a redirect. The server sends none, and none is followed: over plain HTTP a man in the middle could redirect
    to another server, and a client for http has loaded no certificates."""
    return f"{url} redirects to {(target or 'nowhere')[:200]!r}, which is not followed; make it the base URL if it is the server."


def _split(base_url: str) -> SplitResult:
    try:
        parts = urlsplit(base_url.strip())
        port = parts.port
    except ValueError as error:
        raise InvalidAddressError(f"The base URL {base_url!r} cannot be read ({error}); {_EXAMPLE}.") from None
    if parts.scheme not in _SECURE_OF_SCHEME or not parts.hostname or port == 0:
        raise InvalidAddressError(f"The base URL {base_url!r} must have http or https and a host; {_EXAMPLE}.")
    if parts.query or parts.fragment:
        raise InvalidAddressError(f"The base URL {base_url!r} must end before ? and #; {_EXAMPLE}.")
    if parts.username is not None or parts.password is not None:
        raise InvalidAddressError("The base URL must not hold a name or password; give an api_key instead.")
    if re.search(r"\s", base_url.strip()):
        raise InvalidAddressError(f"The base URL {base_url!r} must not hold spaces; {_EXAMPLE}.")
    return parts


def _without_key(path: str) -> tuple[str, str | None]:
    """The path before ``/sessions/<key>``, and that key."""
    found = re.fullmatch(r"(.*)/sessions/([^/]+)", path)
    return (found[1], found[2]) if found else (path, None)
