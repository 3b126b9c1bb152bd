"""The strength of a suspicion is read back from the confidence that it was submitted with."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from bench import calibrate_heuristic
from bench.validity.heuristic_play import Played
from mlops_debug_env.agents.declared.agent import CALIBRATION, confidence_of
from mlops_debug_env.agents.declared.suspicion import Suspicion


@pytest.mark.parametrize("part", [0.0, 0.1, 0.35, 0.6, 0.99])
def test_a_confidence_gives_the_strength_that_it_came_from(part: float) -> None:
    strength = part * CALIBRATION[-1][0]
    confidence = confidence_of(cast(Suspicion, SimpleNamespace(strength=strength)))
    assert calibrate_heuristic.strength_of(confidence) == pytest.approx(strength, abs=0.02)


def test_an_episode_counts_as_right_where_the_planted_fault_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    played = [
        Played(("frozen_column",), ("frozen_column",), 0.99, 9, 0, 1, confidence=0.97),
        Played(("frozen_column",), (), 0.25, 9, 0, 1, confidence=0.3),
        Played(("frozen_column",), (), 0.01, 9, 0, 0),
    ]
    monkeypatch.setattr(calibrate_heuristic, "play_many", lambda *_, **__: played)
    assert [is_right for _, is_right in calibrate_heuristic.played_cases(3)] == [True, False]
