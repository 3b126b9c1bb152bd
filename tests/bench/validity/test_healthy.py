"""Bounds of checks from healthy runs, and what is measured against them."""

from __future__ import annotations

import numpy as np

from bench.validity.healthy import Healthy, measure_healthy, render_healthy, shares_beyond, usual_of


def test_a_bound_leaves_one_in_twenty_of_the_runs_it_comes_from_outside() -> None:
    draw = np.random.default_rng(1)
    runs = [{"one": float(draw.normal()), "other": float(draw.normal())} for _ in range(200)]
    usual = usual_of(runs)
    assert sum(usual.distance(run) > usual.bound for run in runs) == 10


def test_the_oddest_number_decides_and_one_that_was_never_seen_does_not() -> None:
    usual = usual_of([{"one": place / 10, "other": float(place)} for place in range(11)])
    assert usual.distance({"one": 0.5, "other": 50.0}) > 4
    assert usual.distance({"one": 0.5, "unseen": 50.0}) == 0


def test_each_half_is_judged_by_the_bounds_of_the_other() -> None:
    narrow, wide = ([{"one": float(place) * step} for place in range(-20, 21)] for step in (1.0, 3.0))
    beyond_narrow, _ = shares_beyond([*narrow, *wide], [{"one": 25.0}])
    assert shares_beyond([*wide, *narrow], [{"one": 25.0}]) == (beyond_narrow, 0.5)
    assert 0.25 < beyond_narrow < 0.5, "most of the wide half, none of the narrow one"


def test_what_lies_outside_is_counted() -> None:
    found = Healthy(4, ((0.25, 0.9), (0.25, 0.4), (0.25, 0.98), (0.5, 0.71)), {"data_leakage": (0.04, 0.3)}, 25, ())
    assert found.outside == 2
    assert not found.is_fine
    assert found._replace(accuracies=((0.25, 0.9),)).is_fine
    assert not found._replace(accuracies=((0.25, 0.9),), equal=("frozen_column",)).is_fine
    assert "2 lie outside" in render_healthy(found) and "| `data_leakage` | 0.040 | 0.300 |" in render_healthy(found)


def test_healthy_and_planted_runs_are_measured() -> None:
    found = measure_healthy(runs=12, twins=1)
    assert found.runs == 12 and found.twins == 25 and found.equal == ()
    assert not found.outside
    assert len(found.unusual) == 8
