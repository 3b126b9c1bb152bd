"""What a verdict and an experiment cost that train a run again."""

from __future__ import annotations

import pytest

from bench import rerun_cpu
from bench.rerun_cpu import main, measure, render


def test_verdicts_that_were_run_again_and_experiments_are_measured_by_task() -> None:
    taken = measure(("easy", "hard"), 2)
    assert {*taken} == {(task_id, name) for task_id in ("easy", "hard") for name in ("experiment", "verdict")}
    assert all(value > 0 for values in taken.values() for value in values)


def test_a_median_above_the_bound_is_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rerun_cpu, "measure", lambda tasks, seeds: {("hard", "verdict"): [1.0, 251.0, 252.0]})
    assert (main([]), main(["--most", "251"])) == (1, 0)


def test_the_table_has_medians_and_slowest() -> None:
    assert render({("hard", "verdict"): [1.0, 2.0, 9.0]}).splitlines()[-1] == "| hard | verdict | 3 | 2.0 ms | 9.0 ms |"
