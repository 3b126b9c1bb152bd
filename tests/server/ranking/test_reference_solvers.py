"""What boards show of programs that do not reason."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from domain.generator import GENERATOR_VERSION
from domain.rubric import RUBRIC
from domain.tasks.suites import RANKED_1, RANKED_3, Suite
from server.ranking.reference_solvers import FIGURES, KINDS, _solvers_of_board, solvers_of_board
from server.settings import Settings
from tests.e2e.running import ROOT
from tests.served import serving
from tests.server.ranking.test_rounds import opened

PAGE = ROOT / "docs" / "explanation" / "floor.md"


def figure(mean: float) -> dict[str, float]:
    return {"mean": mean, "low": mean - 0.02, "high": mean + 0.02}


def measured(*tasks: str) -> dict[str, Any]:
    programs = {
        "best constant": figure(0.2),
        "lint: riskiest change": figure(0.1),
        "lint: first change": figure(0.15),
        "static reader: words": figure(0.25),
        "checks only": figure(0.3),
        "everything: numbers": figure(0.4),
        "heuristic": figure(0.9),
        "oracle": figure(0.99),
        "always nothing": figure(0.2),
    }
    versions = {"generator_version": "5", "rubric_version": "2"}
    return {
        **versions,
        "command": "c",
        "split": "test",
        "tasks": dict.fromkeys(tasks, {"episodes": 9, "programs": programs}),
    }


def board(suite: Suite, **changes: str) -> dict[str, Any]:
    return {"suite": suite.to_json(), "generator_version": "5", "rubric_version": "2", **changes}


def test_of_each_of_five_kinds_the_best_program_is_shown_and_none_that_reasons() -> None:
    found = _solvers_of_board(board(RANKED_3), measured("hard"))
    assert found is not None
    shown = {each["kind"]: each["program"] for each in found["tasks"]["hard"]["solvers"]}
    assert tuple(shown) == KINDS
    assert shown["lint"] == "lint: first change"
    assert (found["tasks"]["hard"]["low"], found["tasks"]["hard"]["high"]) == (0.15, 0.4)


def test_the_whole_suite_has_a_band_where_all_its_tasks_were_measured() -> None:
    some, whole = (_solvers_of_board(board(RANKED_3), measured(*tasks)) for tasks in (("hard", "expert"), RANKED_3.mix))
    assert some is not None
    assert whole is not None
    assert (set(some["tasks"]), some["suite"]) == ({"hard", "expert"}, None)
    assert whole["suite"]["high"] == pytest.approx(0.4)


@pytest.mark.parametrize("changes", [{"generator_version": "4"}, {"rubric_version": "1"}])
def test_a_board_of_another_generator_or_rubric_has_none(changes: dict[str, str]) -> None:
    assert _solvers_of_board(board(RANKED_3, **changes), measured(*RANKED_3.mix)) is None


def test_a_board_of_a_suite_without_measured_tasks_has_none() -> None:
    assert _solvers_of_board(board(RANKED_1), measured("expert")) is None


def test_the_figures_of_boards_are_those_of_the_page() -> None:
    """Both are written by one run of ``python -m bench.validity solvers --write``, and make reference copies the figures."""
    figures = json.loads(FIGURES.read_text())
    text = PAGE.read_text()
    assert f"`{figures['command']}`" in text
    head = re.search(r"^\| program \| (.*) \|$", text, re.MULTILINE)
    assert head is not None
    tasks = head[1].split(" | ")
    assert set(tasks) == set(figures["tasks"])
    for place, task in enumerate(tasks):
        for program, each in figures["tasks"][task]["programs"].items():
            row = re.search(rf"^\| {re.escape(program)} \| (.*) \|$", text, re.MULTILINE)
            assert row is not None, program
            shown = f"{each['mean']:.3f} ({each['low']:.3f} to {each['high']:.3f})"
            assert row[1].split(" | ")[place].startswith(shown), (task, program)


def test_the_figures_are_of_the_generator_and_the_rubric_that_run() -> None:
    figures = json.loads(FIGURES.read_text())
    assert (figures["generator_version"], figures["rubric_version"]) == (GENERATOR_VERSION, RUBRIC.version)


async def test_the_board_of_a_round_has_them_in_json_and_on_its_page(settings: Settings) -> None:
    opened(settings, "new", suite=RANKED_3, generator=GENERATOR_VERSION)
    opened(settings, "old", suite=RANKED_1, generator="4")
    async with serving(settings) as served:
        new, old = [(await served.client.get(f"/leaderboard.json?round={name}")).json() for name in ("new", "old")]
        empty = (await served.client.get("/leaderboard?round=old")).text
    assert new["reference_solvers"] == solvers_of_board(new)
    assert {each["kind"] for each in new["reference_solvers"]["tasks"]["hard"]["solvers"]} == set(KINDS)
    assert old["reference_solvers"] is None
    assert "do not reason" not in empty
