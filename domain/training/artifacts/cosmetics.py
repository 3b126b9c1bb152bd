"""Names and dates of a run, from a stream of their own: they are independent of what happened in it."""

from __future__ import annotations

from typing import NamedTuple

from domain.training.randomness import Stream


class Cosmetics(NamedTuple):
    run_id: str
    started: str
    """ISO date."""
    owner: str


def draw_cosmetics(seed: int) -> Cosmetics:
    """The cosmetics of a seed (0 to 2^128 - 1)."""
    draw = Stream(seed, "cosmetics")
    word = int(draw.raw(1)[0]) & 0xFFFFFFFF
    date = f"2026-{draw.integer(1, 12):02d}-{draw.integer(1, 28):02d}"
    return Cosmetics(
        f"run-{word:08x}", date, draw.choice(("ml-platform", "applied-science", "decisioning", "insights"))
    )
