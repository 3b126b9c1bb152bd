"""The one place where numbers become text: four significant digits, the same on every machine."""

from __future__ import annotations

import math


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


def to_yaml(value: float) -> str:
    """For YAML 1.1, where ``1e-05`` would be a string: ``1.0e-05``."""
    text = to_text(value)
    mantissa, mark, exponent = text.partition("e")
    if mark and "." not in mantissa:
        return f"{mantissa}.0e{exponent}"
    return text
