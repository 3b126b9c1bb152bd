from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mlops_debug_env.agents.calibration import MEASURED, MEASURED_ALONE, calibrate, calibrate_alone

SHARES = st.floats(0.0, 1.0)


def test_the_table_rises_and_spans_all_shares() -> None:
    assert (MEASURED[0][0], MEASURED[-1][0]) == (0.0, 1.0)
    assert all(left[0] < right[0] and left[1] <= right[1] for left, right in pairwise(MEASURED))


def test_the_table_of_single_hypotheses_rises() -> None:
    assert all(left[0] < right[0] and left[1] <= right[1] for left, right in pairwise(MEASURED_ALONE))
    assert calibrate_alone(-20.0) == MEASURED_ALONE[0][1] and calibrate_alone(20.0) == MEASURED_ALONE[-1][1]


@given(SHARES, SHARES)
def test_being_surer_is_never_stated_as_less(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0.0 < calibrate(low) <= calibrate(high) < 1.0


def test_a_measured_point_is_itself() -> None:
    assert [calibrate(share) for share, _ in MEASURED] == [right for _, right in MEASURED]
