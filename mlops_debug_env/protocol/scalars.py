"""Numbers of other libraries, such as NumPy's, as Python's own."""

from __future__ import annotations

from typing import Any

_OWN = (str, bytes, bool, int, float, type(None))


def plain_scalar(value: Any) -> Any:
    """The Python number in a scalar of NumPy or of a library like it; anything else as it is.

    Raises:
        TypeError: it has more than one element.
    """
    if isinstance(value, _OWN) or not callable(getattr(value, "item", None)):
        return value
    try:
        return value.item()
    except ValueError as error:
        raise TypeError(f"{type(value).__name__} of several elements is no number") from error


def to_encodable(value: Any) -> Any:
    """The same for a value that JSON cannot hold otherwise.

    Raises:
        TypeError: it is no scalar.
    """
    scalar = plain_scalar(value)
    if scalar is value:
        raise TypeError(f"{type(value).__name__} cannot be sent as JSON")
    return scalar
