"""What is shown while a run goes on."""

from __future__ import annotations

import io

from rich.console import Console

from mlops_debug_env.runner.progress import ProgressBars, ProgressLines, by_task
from mlops_debug_env.runner.records import PlannedEpisode
from mlops_debug_env.suites import SuiteEntry
from tests.client.runner.made import made_result

PLANNED = PlannedEpisode(run_id="0" * 32, number=0, entry=SuiteEntry(task_id="easy", seed=1), trial=0)


def test_a_terminal_shows_a_bar_for_each_task_with_its_mean() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=140)
    bars = ProgressBars(console, {"easy": 2, "hard": 1}, by_task)
    bars.count([made_result(seed=9, score=0.5)])
    with bars:
        bars.on_start(PLANNED)
        bars.on_finish(made_result(seed=1, score=1.0))
        bars.on_failure(PLANNED, "[Errno 111] no [/connection]")
    text = out.getvalue()
    assert "mean 0.750" in text
    assert "2/2" in text
    assert "0/1" in text
    assert "1 failed, the last: [Errno 111] no [/connection]" in text


def test_a_pipe_gets_a_line_now_and_then() -> None:
    out = io.StringIO()
    seconds = iter([0.0, 11.0, 11.0, 11.0, 12.0, 13.0, 14.0])
    lines = ProgressLines(Console(file=out, width=200), {"easy": 4}, by_task, monotonic=lambda: next(seconds))
    lines.count([made_result(seed=9, score=0.5)])
    with lines:
        lines.on_finish(made_result(seed=1, score=1.0))
        lines.on_finish(made_result(seed=2, score=1.0))
        lines.on_failure(PLANNED, "no connection")
    assert out.getvalue().splitlines() == [
        "3 episodes to play",
        "2 of 4 done, mean 0.750, about 22 s to go",
        "easy-1 trial 0 failed: no connection",
        "3 of 4 done, mean 0.833, 1 failed, about 6 s to go",
    ]
