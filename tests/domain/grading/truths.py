"""Truths of planted faults of both families, without the training that their evidence takes."""

from __future__ import annotations

from functools import cache

from domain.families import multi_source
from domain.faults import CATALOGUE, find_fault
from domain.generator import scenario_seed
from domain.scenario import Truth
from domain.training.multi_source.case import FAMILY
from domain.training.pipeline import draw_pipeline
from domain.training.randomness import Stream
from domain.training.style import SeedSplit

OF_ONE_TABLE = tuple(sorted(CATALOGUE))
"""Every fault of runs of one table, also those that only stored runs have."""
OF_SEVERAL_SOURCES = tuple(f"{FAMILY}/{fault}" for fault in multi_source.FAULTS)
ALL_FAULTS = (*OF_ONE_TABLE, *OF_SEVERAL_SOURCES)
SPLITS: tuple[SeedSplit, ...] = ("train", "validation", "test")


@cache
def truth_of(fault_id: str, seed: int, split: SeedSplit | None = None) -> Truth:
    """The truth of a fault; without a split each seed has the next one, so that every spelling is met."""
    split = SPLITS[seed % 3] if split is None else split
    family, _, of_several = fault_id.rpartition("/")
    if family:
        truth = multi_source.draw_truth("hard", scenario_seed("hard", seed, split), fault=of_several, split=split)
        assert isinstance(truth, Truth)
        return truth
    fault = find_fault(fault_id)
    own_seed = scenario_seed(fault.task_id, seed, split)
    pipeline = fault.twin(draw_pipeline(own_seed, split))
    *_, value = fault.severities(pipeline, Stream(own_seed, f"fault/{fault_id}"))
    return fault.truth(pipeline, value)
