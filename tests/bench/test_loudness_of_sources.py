"""How loud faults of several sources are: what shows in results and log is louder than nine tenths of the healthy runs."""

from __future__ import annotations

import numpy as np
import pytest

from bench.loudness_of_sources import Scale, healthy_scale, measure_fault, printed
from domain.training.multi_source.case import draw_case
from domain.training.multi_source.run import simulate


@pytest.fixture(scope="module")
def scale() -> Scale:
    return healthy_scale(80)


def test_nine_tenths_of_healthy_runs_are_no_louder_than_one(scale: Scale) -> None:
    loud = [scale.loudness(printed(simulate(draw_case(seed, "train", ()).now))) for seed in range(20)]
    assert np.mean([one <= 1.0 for one in loud]) > 0.6
    assert min(loud) > 0.0


def test_a_deviation_counts_in_units_of_the_range_on_its_side() -> None:
    scale = Scale(np.array([0.0, 1.0]), np.array([1.0, 2.0]), np.array([4.0, 1.0]), usual=2.0)
    assert scale.loudness(np.array([4.0, 1.0])) == 0.5
    assert scale.loudness(np.array([-4.0, 1.0])) == 2.0
    assert scale.loudness(np.array([0.0, -3.0])) == 1.0


def test_a_wrong_order_of_the_test_labels_is_loud_and_a_stale_snapshot_is_not(scale: Scale) -> None:
    loud, quiet = (measure_fault(fault, scale, seeds=16) for fault in ("label_encoder_mismatch", "stale_snapshot"))
    assert loud.shown > 0.9 and loud.loudness > 2.0
    assert quiet.shown < 0.5 and quiet.loudness < 1.0
    assert loud.recent_change == 0.0
