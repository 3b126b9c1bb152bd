"""The client's side of a WebSocket in bytes: handshake, frames out, frames in. As little work as possible for each frame,
so that the load generator is not what is measured."""

from __future__ import annotations

import struct
import zlib
from typing import Final

TEXT: Final = 0x1
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

_FINAL: Final = 0x80
_COMPRESSED: Final = 0x40
_MASKED: Final = 0x80
# A key of zeros leaves the payload as it is; the server unmasks it like any other.
_NO_MASK: Final = bytes(4)
_INFLATE_TAIL: Final = b"\x00\x00\xff\xff"


class WebSocketError(RuntimeError):
    """The server did something that this small client does not expect."""


def handshake(host: str, port: int, path: str, *, deflate: bool) -> bytes:
    """The request that opens a socket. With ``deflate``, offering compression as the stock OpenEnv client does."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    ]
    if deflate:
        lines.append("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def encode_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """One whole frame of a client."""
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", _FINAL | opcode, _MASKED | length)
    elif length < 65_536:
        head = struct.pack("!BBH", _FINAL | opcode, _MASKED | 126, length)
    else:
        head = struct.pack("!BBQ", _FINAL | opcode, _MASKED | 127, length)
    return head + _NO_MASK + payload


class FrameReader:
    """Splits the received bytes into frames."""

    __slots__ = ("_inflate", "_waiting")

    def __init__(self, *, deflate: bool) -> None:
        self._waiting = b""
        self._inflate = zlib.decompressobj(-15) if deflate else None

    def feed(self, received: bytes) -> list[tuple[int, bytes]]:
        """The frames that are whole now, as opcode and payload."""
        waiting = self._waiting + received if self._waiting else received
        frames: list[tuple[int, bytes]] = []
        at = 0
        while len(waiting) - at >= 2:
            first, length = waiting[at], waiting[at + 1]
            begin = at + 2
            if length == 126:
                begin += 2
                length = int.from_bytes(waiting[at + 2 : begin], "big") if len(waiting) >= begin else 1 << 62
            elif length == 127:
                begin += 8
                length = int.from_bytes(waiting[at + 2 : begin], "big") if len(waiting) >= begin else 1 << 62
            if len(waiting) < begin + length:
                break
            at = begin + length
            frames.append((first & 0x0F, self._payload(first, waiting[begin:at])))
        self._waiting = waiting[at:]
        return frames

    def _payload(self, first: int, payload: bytes) -> bytes:
        if not first & _FINAL:
            raise WebSocketError("the server sent a message in pieces")
        if not first & _COMPRESSED:
            return payload
        if self._inflate is None:
            raise WebSocketError("the server compresses, though the client did not offer it")
        return self._inflate.decompress(payload + _INFLATE_TAIL)
