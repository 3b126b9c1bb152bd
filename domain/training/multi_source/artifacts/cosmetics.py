"""Names and dates of a run, from a stream of their own: they are independent of what was declared or happened in it."""

from __future__ import annotations

from typing import NamedTuple

from domain.training.multi_source.case import State
from domain.training.randomness import Stream


class Cosmetics(NamedTuple):
    run_id: str
    owner: str


def draw_cosmetics(state: State) -> Cosmetics:
    """The cosmetics of a state; two runs of one warehouse differ in their id."""
    draw = Stream(state.seed, f"cosmetics/{state.declared['training.seed']}")
    word = int(draw.raw(1)[0]) & 0xFFFFFFFF
    owner = Stream(state.seed, "owner").choice(("ml-platform", "applied-science", "decisioning", "insights"))
    return Cosmetics(f"run-{word:08x}", owner)
