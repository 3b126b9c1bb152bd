"""View model of two episodes side by side."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest

from server.web.pages.episode.timeline import TimelineEntry
from server.web.pages.episode.view import EpisodeView


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The entries of both episodes at one step; None: that episode has no such step."""

    number: int
    first: TimelineEntry | None
    second: TimelineEntry | None
    is_same: bool
    """Whether both took the same action."""
    is_divergence: bool
    """Whether it is the first pair that differs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two episodes and their steps in pairs."""

    first: EpisodeView
    second: EpisodeView
    is_same_scenario: bool | None
    """None: one of them runs, and this is not revealed."""
    pairs: tuple[Pair, ...]
    divergence: int | None
    """Number of the first pair that differs; None: none does."""


def compare(first: EpisodeView, second: EpisodeView) -> Comparison:
    """Pair the steps of two episodes by their numbers; two resets are the same if their tasks are."""
    pairs: list[Pair] = []
    divergence: int | None = None
    for number, (one, other) in enumerate(zip_longest(first.entries, second.entries)):
        is_same = one is not None and other is not None and one.comparison_key == other.comparison_key
        is_divergence = divergence is None and not is_same
        divergence = number if is_divergence else divergence
        pairs.append(Pair(number=number, first=one, second=other, is_same=is_same, is_divergence=is_divergence))
    are_over = first.visibility == second.visibility == "full"
    is_same_scenario = first.reset.scenario_digest == second.reset.scenario_digest if are_over else None
    return Comparison(
        first=first, second=second, is_same_scenario=is_same_scenario, pairs=tuple(pairs), divergence=divergence
    )
