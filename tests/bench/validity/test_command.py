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
    assert all(0.1 < each["floor"] < 0.5 for each in floors.values())
    assert floors["expert"]["answer"] == [], "that nothing is wrong"
    assert all(floors[task]["answer"][0]["root_cause_file"] for task in SINGLE_FAULT_TASKS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["solvers", "--learn", "1"], "100"),
        (["solvers", "--split", "held-out"], "splits are"),
        (["solvers", "--task", "hardest"], "tasks are"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments: list[str], said: str) -> None:
    refused = CliRunner().invoke(cli, arguments)
    assert (refused.exit_code, said in refused.stderr) == (2, True)
