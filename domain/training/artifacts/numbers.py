"""The one place where numbers become text: four significant digits, the same on every machine."""

from __future__ import annotations

import math

import numpy as np

from domain.training.randomness import Floats

_POWERS = np.array([10.0**exponent for exponent in range(23)])
"""The powers of ten that a float represents exactly."""
_DIGITS = 4


def to_text(value: float) -> str:
    """For logs: ``0.1234``, ``nan``, ``inf``; never ``-0``."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    text = f"{value:.4g}"
    return "0" if text == "-0" else text


def to_json(value: float) -> float | None:
    """For JSON: rounded to four digits; a NaN or infinity is null."""
    if not math.isfinite(value):
        return None
    rounded = float(f"{value:.4g}")
    return 0.0 if rounded == 0 else rounded


def all_to_json(values: Floats) -> list[float | None]:
    """`to_json` of many numbers, in the order of the flattened array.

    A number is an integer of four digits times or over a power of ten: one correctly rounded operation of exact numbers,
    which gives what reading its decimal digits gives. Numbers that lie too near to the middle between two such integers,
    or have a power that is not exact, are rounded one by one.
    """
    flat = values.ravel()
    size = np.abs(flat)
    with np.errstate(all="ignore"):
        shift = _DIGITS - 1 - np.floor(np.log10(size))
        is_usual = np.abs(shift) < len(_POWERS)
        shift = np.where(is_usual, shift, 0.0).astype(np.int64)
        power = _POWERS[np.abs(shift)]
        scaled = np.where(shift >= 0, size * power, size / power)
        digits = np.rint(scaled)
        is_usual &= (scaled >= 10.0 ** (_DIGITS - 1)) & (scaled < 10.0**_DIGITS)
        is_usual &= np.abs(np.abs(scaled - digits) - 0.5) > 1e-6
        rounded = np.copysign(np.where(shift >= 0, digits / power, digits * power), flat)
    rounded[flat == 0] = 0.0
    is_usual |= flat == 0
    found: list[float | None] = rounded.tolist()
    for place in np.flatnonzero(~is_usual).tolist():
        found[place] = to_json(float(flat[place]))
    return found


def to_yaml(value: float) -> str:
    """For YAML 1.1, where ``1e-05`` would be a string: ``1.0e-05``."""
    text = to_text(value)
    mantissa, mark, exponent = text.partition("e")
    if mark and "." not in mantissa:
        return f"{mantissa}.0e{exponent}"
    return text
