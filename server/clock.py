"""The one written form of a moment."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


def to_timestamp(moment: datetime) -> str:
    """UTC, ISO 8601 with milliseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def utc_timestamp() -> str:
    """The present, for commands; a server is given its clock."""
    return to_timestamp(datetime.now(UTC))


def to_milliseconds(timestamp: str) -> int:
    """Milliseconds since 1970 of what `to_timestamp` wrote."""
    return _minute(timestamp[:16]) + 1000 * int(timestamp[17:19]) + int(timestamp[20:23])


@lru_cache(maxsize=64)
def _minute(timestamp: str) -> int:
    return 1000 * round(datetime.fromisoformat(timestamp).replace(tzinfo=UTC).timestamp())
