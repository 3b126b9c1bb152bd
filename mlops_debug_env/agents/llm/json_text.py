"""Reads the JSON of endpoints and models, so that whatever came can be written to a file and sent back."""

from __future__ import annotations

import json
from typing import Any

MAX_DEPTH = 100
"""Deeper values cannot be walked through by other programs, or by this one."""


class UnreadableJsonError(ValueError):
    """The text is no JSON that can be used; the message says why."""


class TooDeepError(UnreadableJsonError):
    """It is nested too deeply."""

    def __init__(self) -> None:
        super().__init__(f"it is nested more than {MAX_DEPTH} levels deep")


def read_json(text: str, *, cleans: bool = True) -> Any:
    """The value of a JSON text. A lone surrogate in it becomes a replacement character, NaN and infinities None.

    Args:
        text: the JSON.
        cleans: whether lone surrogates are replaced; not in a part of a text whose other half may follow.

    Raises:
        TooDeepError: it is nested too deeply.
        UnreadableJsonError: it is no JSON, or has a number that is too long.
    """
    try:
        value = json.loads(text, parse_constant=lambda _: None)
        if cleans and "\\ud" in text.lower():
            value = with_encodable_text(value)
    except RecursionError as error:
        raise TooDeepError from error
    except json.JSONDecodeError as error:
        raise UnreadableJsonError(str(error)) from error
    except ValueError as error:  # Python reads no integer of more than 4,300 digits
        raise UnreadableJsonError("it has a number with too many digits") from error
    if _is_too_deep(value):
        raise TooDeepError
    return value


def with_encodable_text(value: Any) -> Any:
    """The value with texts that UTF-8 can encode."""
    return json.loads(encodable(json.dumps(value, ensure_ascii=False)))


def encodable(text: str) -> str:
    """The text with surrogates joined to characters, and a replacement character for each that stands alone."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        inner = [each for each in level if isinstance(each, dict | list)]
        if not inner:
            return False
        level = [part for each in inner for part in (each.values() if isinstance(each, dict) else each)]
    return True
