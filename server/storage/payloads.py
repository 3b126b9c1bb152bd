"""Splits the digests off a payload, so that they are stored as bytes: half of what their hex digits take.

A control character stands for each, with its key. Canonical JSON contains none, so that a payload is shown as it was, byte for byte, by
the view ``recorded_events`` (``migrations/versions/0010_compact_rows.py``).
"""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f]")
_DIGESTS = tuple(
    (chr(code), re.compile(rf'{before}([0-9a-f]{{{digits}}})"'))
    for code, before, digits in (
        (31, '"observation_digest":"', 32),
        (30, '"scenario_digest":"', 64),
        (29, '"session":"hmac:', 64),
    )
)
"""The character that stands for a digest, and the text that it replaces. A digest is looked for only where the one before it was found."""


def split_digests(kind: str, payload: str) -> tuple[str, bytes | None]:
    """The payload with a character for each digest, and their bytes; None: the payload is unchanged."""
    if _CONTROL.search(payload) is not None:
        return payload, None
    digests = b""
    for character, pattern in _DIGESTS if kind == "reset" else _DIGESTS[:1]:
        found = pattern.search(payload)
        if found is None:
            break
        payload = f"{payload[: found.start()]}{character}{payload[found.end() :]}"
        digests += bytes.fromhex(found[1])
    return payload, digests or None
