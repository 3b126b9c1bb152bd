"""How many seeds and examples a run tries: the option ``--seeds quick`` (the default) or ``--seeds full``.

Set before any test module is imported, so that modules may ask at their top.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, get_args

import pytest
from hypothesis import settings

Profile = Literal["quick", "full"]
PROFILES: tuple[Profile, ...] = get_args(Profile)
QUICK_SEEDS = 3
QUICK_EXAMPLES = 25

_is_full = False


def choose(profile: str) -> None:
    """Take a profile for the rest of this process, and the Hypothesis profile of the same name."""
    global _is_full
    _is_full = profile == "full"
    settings.load_profile(profile)


def is_quick() -> bool:
    """Whether shortcuts may be taken that the full profile does without."""
    return not _is_full


def seeds(full: Sequence[int], *, quick: int = QUICK_SEEDS) -> Sequence[int]:
    """All of these seeds, or the first few of them."""
    return full if _is_full else full[:quick]


def count(full: int, *, quick: int) -> int:
    """How often something is tried."""
    return full if _is_full else min(full, quick)


def examples(full: int) -> int:
    """The most examples of a property that says its own number."""
    return count(full, quick=QUICK_EXAMPLES)


def smoke(rows: Iterable[object], is_smoke: Callable[[Any], bool]) -> list[object]:
    """The rows of a table; those that are no smoke rows are left to a run with the mark ``exhaustive``."""
    return [row if is_smoke(row) else pytest.param(row, marks=pytest.mark.exhaustive) for row in rows]


# Without a deadline: an example is slow when the machine is busy, which is no finding.
settings.register_profile("quick", max_examples=QUICK_EXAMPLES, deadline=None)
settings.register_profile("full", max_examples=100, deadline=None)
