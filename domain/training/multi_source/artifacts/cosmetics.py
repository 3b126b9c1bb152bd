"""Names and dates of a run, from a stream of their own: they are independent of what was declared or happened in it."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from domain.training.multi_source.case import State
from domain.training.pipeline import FieldValue
from domain.training.randomness import Stream


class Cosmetics(NamedTuple):
    run_id: str
    owner: str


def draw_cosmetics(state: State) -> Cosmetics:
    """The cosmetics of a state; two runs of one warehouse differ in their id."""
    return _drawn(state.seed, state.declared["training.seed"])


@lru_cache(maxsize=64)
def _drawn(seed: int, training_seed: FieldValue) -> Cosmetics:
    word = int(Stream(seed, f"cosmetics/{training_seed}").raw(1)[0]) & 0xFFFFFFFF
    owner = Stream(seed, "owner").choice(("ml-platform", "applied-science", "decisioning", "insights"))
    return Cosmetics(f"run-{word:08x}", owner)
