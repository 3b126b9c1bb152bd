"""The shipped heuristic through whole episodes: the evidence of hard and expert runs suffices, within their budgets."""

from __future__ import annotations

from statistics import fmean

import pytest

from bench.validity.heuristic_play import HEALTHY, Played, interval, lines_of, play, rows_of
from domain.families.multi_source import FAULTS
from domain.generator import generate
from domain.rubric import RUBRIC
from tests.profiles import is_quick, seeds

SEEDS = seeds(range(7_300, 7_320), quick=1)


def test_hard_runs_are_explained_in_styles_that_were_not_used_for_building() -> None:
    faults = FAULTS[::2] if is_quick() else FAULTS
    played = [play(generate("hard", seed, fault=fault, split="test")) for fault in faults for seed in SEEDS]
    assert all(one.steps <= RUBRIC.max_steps["hard"] for one in played)
    assert all(one.experiments <= RUBRIC.max_experiments["hard"] for one in played)
    assert fmean(one.score for one in played) > 0.85


@pytest.mark.parametrize(("fault", "claims"), [("none", 0), ("row_multiplying_join+stale_snapshot", 2)])
def test_expert_runs_are_answered_with_as_many_entries_as_there_are_faults(fault: str, claims: int) -> None:
    played = [play(generate("expert", seed, fault=fault, split="test")) for seed in seeds(range(7_400, 7_440), quick=8)]
    assert fmean(one.claims == claims for one in played) > 0.6
    assert all(one.steps <= RUBRIC.max_steps["expert"] for one in played)


def test_faults_are_listed_with_the_hardest_first() -> None:
    played = [
        Played(("a", "b"), ("a",), 0.5, 10, 1, 2),
        Played((), (), 0.99, 12, 0, 0),
        Played((), (), 0.01, 12, 0, 1),
    ]
    rows = {row.fault: row for row in rows_of(played)}
    assert rows_of(played)[0].fault == "b"
    assert (rows["a"].detected, rows["b"].detected, rows[HEALTHY].detected) == (1.0, 0.0, 0.5)
    assert interval([0.5, 0.5]) == (0.5, 0.0)
    assert lines_of("expert", played)[0].startswith("expert: 0.500 ")
