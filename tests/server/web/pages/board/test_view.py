"""The view model of the board and its template."""

from __future__ import annotations

import re
from typing import Any

import pytest

from server.web.pages.board.view import HeatmapCell, build_board_view
from server.web.pages.rendering import Renderer
from tests.server.web.pages.boards import FAULTS, board, board_row, said

CALIBRATION = [{"low": 0.8, "high": 0.9, "attempts": 7, "mean_confidence": 0.85, "share_right": 0.6}]


def render(shown: dict[str, Any] | None) -> str:
    response = Renderer().page(
        "board.html", section="board", board=None if shown is None else build_board_view(shown), rounds=[], filters={}
    )
    return bytes(response.body).decode()


def test_agents_that_share_a_rank_are_marked() -> None:
    shown = build_board_view(board(board_row("a", 1, 0.9), board_row("b", 1, 0.88), board_row("c", 3, 0.4)))
    assert [row.rank for row in shown.rows] == ["1=", "1=", "3"]


def test_a_board_without_ranks_shows_none_and_says_why() -> None:
    page = render(board(board_row("a", None, 0.9), board_row("b", None, 0.8), has_ranks=False))
    assert re.findall(r'<td class="number rank"[^>]*>(.*?)</td>', page) == ["–", "–"]
    assert "This board has no ranks" in page
    assert "This board has no ranks" not in render(board(board_row("a", 1, 0.9)))


def test_every_fault_of_the_suite_has_a_row_and_those_that_no_attempt_met_are_counted() -> None:
    row = board_row("a", 1, 0.9)
    del row["faults"]["silent_metric_swap"]
    shown = build_board_view(board(row))
    assert [(each.fault, each.task) for each in shown.faults] == list(FAULTS.items())
    (unmet,) = [each for each in shown.faults if not each.is_met]
    assert (unmet.fault, unmet.cells) == ("silent_metric_swap", (HeatmapCell(mean=None, attempts=0),))
    assert "1 of 9 faults was met by no attempt" in render(board(row, closed_at="2030-02-01T00:00:00.000Z"))


def test_the_faults_at_which_agents_differ_most_are_shown_first_and_the_others_behind_a_disclosure() -> None:
    names = [f"fault_{at}" for at in range(14)]
    mix = {"easy": names[:7], "hard": names[7:]}
    means = {name: {"task_id": "easy", "attempts": 4, "mean": at / 20} for at, name in enumerate(names)}
    equal = {name: {"task_id": "easy", "attempts": 4, "mean": 0.0} for name in names}
    closed = board(board_row("a", 1, 0.9, faults=means), board_row("b", 2, 0.5, faults=equal), closed_at="2030-02-01")
    closed["suite"]["mix"] = mix
    shown = build_board_view(closed)
    assert [each.fault for each in shown.shown_faults] == list(reversed(names[4:]))
    assert [each.fault for each in shown.further_faults] == names[:4]
    assert [each.mean for each in shown.shown_faults[0].cells] == [0.65, 0.0]
    page = render(closed)
    assert page.index("fault 13") < page.index("4 further faults</summary>") < page.index("fault 0")


@pytest.mark.parametrize(("mean", "shade"), [(None, "none"), (0.0, "s0"), (0.55, "s5"), (0.99, "s9"), (1.0, "s9")])
def test_a_cell_has_the_shade_of_its_mean(mean: float | None, shade: str) -> None:
    assert HeatmapCell(mean=mean, attempts=1).shade == shade


def test_only_agents_that_said_what_they_cost_are_plotted() -> None:
    rows = [
        board_row("a", 1, 0.9, client_reported=said(0.2), on_frontier=True),
        board_row("b", 2, 0.8, client_reported=said(0.3), on_frontier=False),
        board_row("c", 3, 0.4, calibration=CALIBRATION),
    ]
    shown = build_board_view(board(*rows))
    assert [(each["agent"], each["on_frontier"]) for each in shown.costs] == [("a", True), ("b", False)]
    assert shown.calibration == ({"agent": "c", "bins": CALIBRATION},)


def test_a_rank_that_tests_leave_open_is_a_range() -> None:
    rows = [
        board_row("a", 1, 0.9, worst_rank=2),
        board_row("b", 1, 0.88, worst_rank=2),
        board_row("c", 3, 0.4, worst_rank=3),
    ]
    assert [row.rank for row in build_board_view(board(*rows)).rows] == ["1–2", "1–2", "3"]


def test_rows_without_an_interval_and_incomplete_rows_are_marked() -> None:
    page = render(board(board_row("new", None, 0.9, interval=None, complete=False)))
    assert "too few for an interval" in page
    assert re.search(r'<tr class=" incomplete">', page)


def test_baselines_and_attacks_have_a_switch_where_there_are_any() -> None:
    alone, beside = board_row("a", 1, 0.9), board_row("b", None, 0.2, kind="baseline")
    assert "data-show-unranked" not in render(board(alone))
    assert "data-show-unranked" in render(board(alone, beside))


def test_attacks_and_baselines_are_rows_like_others() -> None:
    page = render(
        board(
            board_row("best", 1, 0.9),
            board_row("floor", 2, 0.3, kind="baseline"),
            board_row("x", 3, 0.1, kind="attack"),
        )
    )
    assert re.findall(r'<span class="kind (\w+)">', page) == ["baseline", "attack"]


def test_what_clients_report_is_marked_as_said() -> None:
    page = render(board(board_row("a", 1, 0.9, client_reported=said(0.25))))
    assert page.count('<span class="said">said</span>') == 2
    assert "$0.2500" in page


def test_an_agents_name_is_text_and_never_markup() -> None:
    name = '</script><script>alert("x")</script>'
    page = render(board(board_row(name, 1, 0.9, client_reported=said(1), calibration=CALIBRATION)))
    assert "<script>alert" not in page


@pytest.mark.parametrize("closed_at", [None, "2030-02-01T00:00:00.000Z"])
def test_the_commitment_is_shown_whole(closed_at: str | None) -> None:
    page = render(board(board_row("a", 1, 0.9), closed_at=closed_at))
    assert "ab" * 32 in page
    assert ("The round is closed" in page) == (closed_at is not None)


def test_a_board_without_a_round_and_a_round_without_rows_are_pages_too() -> None:
    assert "No ranked round was opened yet" in render(None)
    assert "No attempt was begun yet" in render(board())


def test_an_agent_without_an_ended_attempt_has_dashes() -> None:
    nothing = {"tasks": {}, "faults": {}, "pass_1": None, "pass_k": {}, "mean_steps": None, "brier": None}
    page = render(board(board_row("new", 1, 0.0, **nothing)))
    assert "new" in page
    assert "None" not in page


def solvers(suite: bool) -> dict[str, Any]:
    """As ``/leaderboard.json`` has them: of hard, and of the whole suite."""
    kinds = [("best constant", 0.18), ("everything", 0.46)]
    of_task = [
        {"kind": kind, "program": f"{kind}: p", "mean": mean, "low": mean - 0.04, "high": mean + 0.04}
        for kind, mean in kinds
    ]
    band = {"low": 0.18, "high": 0.46}
    over = {**band, "solvers": [{"kind": kind, "mean": mean} for kind, mean in kinds]}
    return {
        "command": "python -m measure",
        "split": "test",
        "tasks": {"hard": {"episodes": 300, **band, "solvers": of_task}},
        "suite": over if suite else None,
    }


def test_what_programs_reach_that_do_not_reason_is_shaded() -> None:
    rows = (board_row("blind", 1, 0.3), board_row("sharp", 2, 0.9))
    page = render(board(*rows, reference_solvers=solvers(suite=False)))
    marked = re.findall(r'<td class="number in-band" data-label="(\w+)" data-value="([\d.]+)"', page)
    assert marked == [("hard", "0.3")], "only on the task that was measured, and only the score within the band"
    assert page.count('class="solver-band"') == 1, "the strip of the task"
    for words in ("everything: p; 95 %: 0.42 to 0.5", "python -m measure", "the same answer always"):
        assert words in page
    assert page.index("everything: p") > page.index('id="solvers"')


def test_the_band_of_the_whole_suite_lies_behind_the_interval_of_each_row() -> None:
    rows = (board_row("blind", 1, 0.3), board_row("sharp", 2, 0.9))
    page = render(board(*rows, reference_solvers=solvers(suite=True)))
    assert page.count('class="solver-band"') == 4, "two rows, the strip of the suite and that of the task"
    assert "whole suite" in page


@pytest.mark.parametrize("changes", [{}, {"reference_solvers": None}])
def test_a_board_without_such_figures_shows_none(changes: dict[str, Any]) -> None:
    page = render(board(board_row("blind", 1, 0.3), **changes))
    for words in ("solver-band", "in-band", "do not reason"):
        assert words not in page
