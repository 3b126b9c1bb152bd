"""What exports add to columns: few rows of one source leave it open whether they know the class, two sources settle it."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_debug_env.agents.declared.checks import Checks
from mlops_debug_env.agents.declared.features import are_updates_unclear, updated_columns
from mlops_debug_env.agents.declared.looks import looks_of
from mlops_debug_env.agents.declared.looks_of_sources import UNCLEAR
from mlops_debug_env.agents.declared.reading import Declared

SOURCES = ("mill", "yard")


def _declared() -> Declared:
    return Declared(facts={"features.age.as_of": "export", "features.size.as_of": "event"}, sources=SOURCES)


def _checks(*of_age: float) -> Checks:
    blocks: dict[str, Any] = {
        f"{source}.updates": {"class_association": {"age": value, "size": 0.9}}
        for source, value in zip(SOURCES, of_age, strict=False)
    }
    return Checks(blocks)


@pytest.mark.parametrize(
    ("of_age", "is_unclear"), [((0.01,), False), ((0.13,), True), ((0.5,), False), ((0.13, 0.1), False)]
)
def test_a_second_source_is_looked_at_where_the_first_is_not_clear(of_age: tuple[float, ...], is_unclear: bool) -> None:
    assert are_updates_unclear(_declared(), _checks(*of_age)) == is_unclear
    weights = [weight for weight, block in looks_of(_declared(), _checks(*of_age)) if block.endswith(".updates")]
    assert (max(weights) > 1.0) == is_unclear
    assert sum(weights) <= UNCLEAR * len(SOURCES)


@pytest.mark.parametrize(("of_age", "is_suspected"), [((0.13,), False), ((0.13, 0.6), True), ((0.13, 0.05), False)])
def test_what_all_sources_show_counts(of_age: tuple[float, ...], is_suspected: bool) -> None:
    (found,) = updated_columns(_declared(), _checks(*of_age))
    assert (found.path, found.value) == ("features.age.as_of", "event")
    assert (found.strength > 1.0) == is_suspected
