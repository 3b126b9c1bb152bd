"""What train.log says of a run: versions of libraries, rows of its sources, and the numbers of its epochs."""

from __future__ import annotations

import re
from typing import Any

from mlops_debug_env.protocol.types import ArtifactName

LOG: ArtifactName = "train.log"
_VERSION = re.compile(r"\b(tabular|textkit)[ =:]+v?(\d+\.\d+)")
_EPOCH = re.compile(r"\bepoch[ =](\d+)\b(.*)")
_SOURCE = re.compile(r"\bsource (\w+): (read=.*)")
_PAIR = re.compile(r"(\w+)=(-?\d+(?:\.\d+)?(?:e-?\d+)?)(?=\s|$)")


def parse_log(text: str) -> dict[str, Any]:
    """Versions by library, rows of each source, and the numbers of each epoch by name, those of its whole last line."""
    epochs: dict[int, dict[str, float]] = {}
    for line in text.splitlines():
        if (found := _EPOCH.search(line)) is not None:
            numbers = {name: float(value) for name, value in _PAIR.findall(found[2])}
            if "train_loss" in numbers:
                epochs[int(found[1])] = numbers
    sources = {name: {key: float(value) for key, value in _PAIR.findall(rest)} for name, rest in _SOURCE.findall(text)}
    return {
        "versions": dict(_VERSION.findall(text)),
        "sources": sources,
        "epochs": [epochs[number] for number in sorted(epochs)],
    }
