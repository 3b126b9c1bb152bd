"""The one written form of a moment."""

from __future__ import annotations

from datetime import UTC, datetime


def to_timestamp(moment: datetime) -> str:
    """UTC, ISO 8601 with milliseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def utc_timestamp() -> str:
    """The present, for commands; a server is given its clock."""
    return to_timestamp(datetime.now(UTC))
