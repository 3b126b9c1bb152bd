"""The splits are disjoint, and every number names one scenario."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.tasks.splits import SPLITS, UnknownTaskError, numbered_task
from domain.types import COMPOSED_TASK, SINGLE_FAULT_TASKS, SPLIT_NAMES


def test_no_seed_is_in_two_splits() -> None:
    ranges = [range(each.first_seed, each.first_seed + each.seed_count) for each in SPLITS.values()]
    assert tuple(SPLITS) == SPLIT_NAMES
    for one, other in combinations(ranges, 2):
        assert one.stop <= other.start or other.stop <= one.start


@given(
    st.sampled_from(SPLIT_NAMES).flatmap(
        lambda name: st.tuples(st.just(name), st.integers(0, SPLITS[name].task_count - 1))
    )
)
def test_a_number_and_its_task_and_seed_say_the_same(named: tuple[str, int]) -> None:
    split, index = named
    found = numbered_task(split, index)  # type: ignore[arg-type]
    own = SPLITS[found.split]
    place, singles = found.seed - own.first_seed, len(SINGLE_FAULT_TASKS)
    if found.task_id == COMPOSED_TASK:
        assert own.seed_count * singles + place == index
    else:
        assert place * singles + SINGLE_FAULT_TASKS.index(found.task_id) == index
    assert found.seed in range(own.first_seed, own.first_seed + own.seed_count)


@pytest.mark.parametrize("index", [-1, SPLITS["test"].task_count])
def test_a_number_outside_the_split_names_nothing(index: int) -> None:
    with pytest.raises(UnknownTaskError, match="test has no task"):
        numbered_task("test", index)
