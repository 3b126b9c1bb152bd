"""Two episodes side by side."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest

from server.web.pages.episode.timeline import Entry
from server.web.pages.episode.view import EpisodeShown


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The entries of one number; null: that episode has no such entry."""

    number: int
    first: Entry | None
    second: Entry | None
    is_same: bool
    """Whether both did the same."""
    is_divergence: bool
    """Whether it is the first pair that is not the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    first: EpisodeShown
    second: EpisodeShown
    is_same_scenario: bool | None
    """Null: one of them runs, and this is not told."""
    pairs: tuple[Pair, ...]
    divergence: int | None
    """Number of the first pair that is not the same; null: there is none."""


def compare(first: EpisodeShown, second: EpisodeShown) -> Comparison:
    """Both by the numbers of their steps; the resets are the same where the task is."""
    pairs: list[Pair] = []
    divergence: int | None = None
    for number, (one, other) in enumerate(zip_longest(first.entries, second.entries)):
        is_same = one is not None and other is not None and one.meaning == other.meaning
        is_divergence = divergence is None and not is_same
        divergence = number if is_divergence else divergence
        pairs.append(Pair(number=number, first=one, second=other, is_same=is_same, is_divergence=is_divergence))
    are_over = first.sight == second.sight == "whole"
    is_same_scenario = first.reset.scenario_digest == second.reset.scenario_digest if are_over else None
    return Comparison(
        first=first, second=second, is_same_scenario=is_same_scenario, pairs=tuple(pairs), divergence=divergence
    )
