"""Clues from features: words, updated columns, filled cells, tails that a library cuts off."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import fmean

from mlops_debug_env.agents.declared.checks import Checks
from mlops_debug_env.agents.declared.reading import Declared
from mlops_debug_env.agents.declared.suspicion import Suspicion


def tokenizers(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    for source, block in checks.by_source("texts", declared.sources).items():
        by_version: dict[str, float] = block["distance_from_other_sources"]
        path = f"sources.{source}.tokenizer"
        now = by_version.get(declared.text(path))
        if now is None:
            continue
        best = min(by_version, key=lambda version: by_version[version])
        gap = now - by_version[best]
        yield Suspicion(path, best, min(gap / 0.024, now / 0.065), source=source)


NEAR_CONSTANT = 0.6
"""Share of the rows with one value beyond which a newer scaler leaves a column out."""
CLASS_IN_UPDATES = 0.17
"""Share of the variance of what an export adds that the classes hardly ever explain by chance: at one source in a thousand."""


def updated_columns(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """What the newest export of a column adds to its value at the event goes with the class, not only at random."""
    for path, value in _of_exports(declared, checks):
        yield Suspicion(path, "event", value / CLASS_IN_UPDATES)


def are_updates_unclear(declared: Declared, checks: Checks) -> bool:
    """Whether the sources that were looked at leave open if a column knows the class; few rows of a source tell little."""
    highest = max((value for _, value in _of_exports(declared, checks)), default=0.0)
    is_first = len(checks.by_source("updates", declared.sources)) == 1
    return is_first and 0.5 < highest / CLASS_IN_UPDATES < 1.3


def _of_exports(declared: Declared, checks: Checks) -> Iterator[tuple[str, float]]:
    """Columns that are taken as of the export, with the mean of what the sources that were looked at show."""
    values: dict[str, list[float]] = {}
    for block in checks.by_source("updates", declared.sources).values():
        for column, value in block["class_association"].items():
            if declared.text(f"features.{column}.as_of") == "export":
                values.setdefault(f"features.{column}.as_of", []).append(value or 0.0)
    for path, found in values.items():
        yield path, fmean(found)


def filled(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    """A constant far from all values fills empty cells; those of the second table alone may be empty for another reason."""
    if declared.facts.get("imputer.fill") == -999:
        shares = checks.by_name("feature_statistics", "empty_share")
        own = max((share for name, share in shares.items() if name not in declared.joined), default=0.0)
        yield Suspicion("imputer.fill", "median", max(own / 0.025, min(1.2, max(shares.values(), default=0.0) / 0.025)))


def libraries(declared: Declared, checks: Checks) -> Iterator[Suspicion]:
    if declared.text("environment.tabular") == "2.4":
        yield Suspicion("environment.tabular", "2.3", tails_are_cut(checks))
    if declared.text("environment.textkit") == "1.9":
        yield Suspicion("environment.textkit", "1.8", words_are_cut(checks))


def tails_are_cut(checks: Checks) -> float:
    """How far the classes show in a near-constant column, which a scaler leaves out; 0: not looked at."""
    usual, told = (checks.by_name("all.tails", name) for name in ("usual_share", "tail_association"))
    return max((told[name] / 0.08 for name, share in usual.items() if share > NEAR_CONSTANT), default=0.0)


def words_are_cut(checks: Checks) -> float:
    """How far the classes show in the most frequent words, which a vocabulary leaves out; 0: not looked at."""
    frequent = checks.number("all.words", "frequent_words")
    return 0.0 if math.isnan(frequent) else frequent / 0.09
