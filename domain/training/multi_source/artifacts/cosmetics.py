"""Names and dates of a run, from a stream of their own: they are independent of what was declared or happened in it."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from domain.training.multi_source.case import State
from domain.training.pipeline import FieldValue
from domain.training.randomness import Stream

PREVIOUS_DAYS, COMMIT_DAYS, DAYS = (1, 2), (3, 8), (9, 10)
"""Days, from and to, of the last good run, of the changes since then and of this run, in the month whose rows the model scores."""


class Cosmetics(NamedTuple):
    run_id: str
    owner: str


def draw_cosmetics(state: State) -> Cosmetics:
    """The cosmetics of a state; two runs on the same data differ in their id."""
    return _drawn(state.seed, state.declared["training.seed"])


@lru_cache(maxsize=64)
def _drawn(seed: int, training_seed: FieldValue) -> Cosmetics:
    word = int(Stream(seed, f"cosmetics/{training_seed}").raw(1)[0]) & 0xFFFFFFFF
    owner = Stream(seed, "owner").choice(("ml-platform", "applied-science", "decisioning", "insights"))
    return Cosmetics(f"run-{word:08x}", owner)
