"""Parses the training curves from a train.log."""

from __future__ import annotations

import math
import re
from typing import Iterable

_EPOCH = re.compile(r"(?:\[EPOCH ([0-9]+)\]|.*\bepoch ([0-9]+)) ((?:train|val)_.*)")
"""An epoch of a log of either family; a log of several sources has a time in front, and lines of parts of an epoch."""
_NUMBER = re.compile(r"([a-z_]+)=(\S+)")
SERIES = ("train_loss", "val_loss", "train_acc", "val_acc")

Curves = dict[str, list[float | None]]
"""``epoch`` and each of ``SERIES``, all of one length; a number that is not finite is None."""


def parse_curves(lines: Iterable[str]) -> Curves:
    """The curves of the epochs that the lines report."""
    curves: Curves = {name: [] for name in ("epoch", *SERIES)}
    for line in lines:
        matched = _EPOCH.match(line)
        if matched is None:
            continue
        numbers = dict(_NUMBER.findall(matched[3]))
        curves["epoch"].append(float(matched[1] or matched[2]))
        for name in SERIES:
            curves[name].append(_finite(numbers.get(name)))
    return curves


def _finite(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
