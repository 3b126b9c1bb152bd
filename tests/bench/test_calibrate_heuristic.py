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


def test_one_command_measures_the_tables_of_both_families(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(calibrate_heuristic, "cases", lambda seeds: [(0.2, False), (0.9, True)] * seeds)
    monkeypatch.setattr(calibrate_heuristic, "played_cases", lambda episodes: [(0.5, False), (2.0, True)] * episodes)
    calibrate_heuristic.main(["--seeds", "20", "--episodes", "30"])
    shown = capsys.readouterr().out
    assert "one-table: 40 cases" in shown and "several-sources: 60 cases" in shown
    calibrate_heuristic.main(["--only", "several-sources", "--episodes", "30"])
    assert "one-table" not in capsys.readouterr().out


def test_a_surer_bin_is_never_less_often_right() -> None:
    found = calibrate_heuristic.fit([(place / 100, place % 3 > 0 or place > 70) for place in range(100)])
    rights = [right for _, right, _ in found]
    assert rights == sorted(rights) and sum(count for _, _, count in found) == 100
