"""The load generator's side of a WebSocket."""

from __future__ import annotations

import zlib

import pytest

from bench.frames import TEXT, FrameReader, encode_frame


def served(payload: bytes, first: int = 0x81) -> bytes:
    """A frame as a server sends it: without a mask."""
    length = len(payload)
    if length < 126:
        return bytes([first, length]) + payload
    return bytes([first, 126]) + length.to_bytes(2, "big") + payload


def test_frames_are_found_wherever_the_network_cuts_them() -> None:
    sent = served(b"one") + served(b"x" * 5000) + served(b"")
    reader = FrameReader(deflate=False)
    heard = [frame for at in range(0, len(sent), 7) for frame in reader.feed(sent[at : at + 7])]
    assert heard == [(TEXT, b"one"), (TEXT, b"x" * 5000), (TEXT, b"")]


def test_a_compressed_message_is_inflated() -> None:
    squeeze = zlib.compressobj(wbits=-15)
    reader = FrameReader(deflate=True)
    for text in (b"first", b"first again"):  # the second refers back to the first
        packed = (squeeze.compress(text) + squeeze.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\x00\x00\xff\xff")
        assert reader.feed(served(packed, first=0xC1)) == [(TEXT, text)]


@pytest.mark.parametrize("length", [0, 125, 126, 65_535, 65_536])
def test_a_client_frame_is_masked_and_carries_its_length(length: int) -> None:
    frame = encode_frame(b"y" * length)
    assert frame[0] == 0x81
    assert frame[1] & 0x80
    assert frame.endswith(b"y" * length)
    assert len(frame) == length + 4 + (2 if length < 126 else 4 if length < 65_536 else 10)
