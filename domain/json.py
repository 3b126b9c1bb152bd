"""JSON encoding of all responses: UTF-8 bytes, non-finite numbers as null."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json


def encode_json(value: Any) -> bytes:
    """Compact UTF-8 JSON in the order given; a NaN or infinity is null."""
    return to_json(value, inf_nan_mode="null")
