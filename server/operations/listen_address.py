"""Binds the address of a server before anything else is started, and explains why if it cannot."""

from __future__ import annotations

import errno
import os
import socket
import sys
from typing import Any, Mapping, Sequence

BACKLOG = 2048
"""Max pending connections of a socket."""
_TAKEN = (errno.EADDRINUSE, errno.EACCES)
_ADVICE: Mapping[int | None, str] = {
    errno.EADDRINUSE: "stop what listens there, or give --host or --port",
    errno.EACCES: "give a --port of 1024 or more, or the right to listen on lower ones",
}


class AddressError(Exception):
    """The address cannot be listened on."""

    def __init__(self, host: str, port: int, reason: str, *, number: int | None = None) -> None:
        """``number``: of the system's error, which decides what to do."""
        advice = _ADVICE.get(number, "name an address of this machine with --host")
        super().__init__(f"cannot listen on {host}:{port}: {reason}; {advice}")


def bind(host: str, port: int) -> list[socket.socket]:
    """One bound socket for each address of the host, as asyncio would make them. Raises ``AddressError``.

    Port 0 is a free port, the same for all of them.
    """
    sockets: list[socket.socket] = []
    refused: OSError | None = None
    for family, kind, protocol, _, address in _addresses(host, port):
        try:
            chosen = sockets[0].getsockname()[1] if sockets else port
            sockets.append(_bound(family, kind, protocol, (address[0], chosen, *address[2:])))
        except OSError as error:
            if family == socket.AF_INET6 and error.errno not in _TAKEN:
                continue  # a name such as localhost may have an IPv6 address where the machine has none
            refused = error
            break
    if refused is None and sockets:
        return sockets
    close(sockets)
    if refused is None:
        raise AddressError(host, port, "it has no address here")
    raise AddressError(host, port, str(refused.strerror), number=refused.errno) from refused


def share(sockets: Sequence[socket.socket], count: int) -> list[list[socket.socket]]:
    """Sockets on the addresses of ``sockets`` from ``bind``, ``count`` times, for further processes of the same server.

    On Linux each process gets sockets of its own, and the kernel spreads connections over them evenly. From one shared
    socket the process that happens to wake up first takes all connections that wait, and keeps long-lived ones. The first sockets
    are bound without SO_REUSEPORT, so that another server cannot bind the address, and allow it only then.
    """
    if sys.platform != "linux":
        return [list(sockets) for _ in range(count)]
    return [[_shared(each) for each in sockets] for _ in range(count)]


def _shared(first: socket.socket) -> socket.socket:
    first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return _bound(first.family, first.type, first.proto, first.getsockname(), is_shared=True)


def listen(sockets: list[socket.socket], host: str) -> None:
    """Listen on sockets from ``bind``. Raises ``AddressError`` if another server was first."""
    for each in sockets:
        try:
            each.listen(BACKLOG)
        except OSError as error:
            port = each.getsockname()[1]
            close(sockets)
            raise AddressError(host, port, str(error.strerror), number=error.errno) from error


def close(sockets: list[socket.socket]) -> None:
    """Close the sockets."""
    for each in sockets:
        each.close()


def _addresses(host: str, port: int) -> list[tuple[Any, ...]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise AddressError(host, port, "there is no such host") from error
    return list(dict.fromkeys(found))


def _bound(family: int, kind: int, protocol: int, address: Any, *, is_shared: bool = False) -> socket.socket:
    made = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart need not wait for old connections
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if is_shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(address)
    except BaseException:
        made.close()
        raise
    return made
