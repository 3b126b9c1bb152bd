"""``python -m bench.validity``: what it prints and how it ends."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from bench.validity.__main__ import cli
from domain.types import SINGLE_FAULT_TASKS, TASK_IDS


@pytest.mark.slow
def test_floor_gives_the_blind_floor_of_each_task() -> None:
    floors = json.loads(CliRunner().invoke(cli, ["floor", "--seeds", "1", "--json"]).stdout)
    assert set(floors) == set(TASK_IDS)
    assert all(0.2 < each["floor"] < 0.7 for each in floors.values())
    assert floors["expert"]["answer"] == [], "that nothing is wrong"
    assert all(floors[task]["answer"]["root_cause_file"] for task in SINGLE_FAULT_TASKS)


def test_canaries_refuse_fewer_episodes_than_a_classifier_learns_from() -> None:
    refused = CliRunner().invoke(cli, ["canaries", "--episodes", "1"])
    assert (refused.exit_code, "500" in refused.stderr) == (2, True)
