"""The baselines over the start of practice-2: the heuristic scores clearly more than every agent that ignores the evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.validity.floor import blind_floor
from mlops_debug_env.protocol.types import COMPOSED_TASK, TASK_IDS
from mlops_debug_env.runner.demo import play_agents
from mlops_debug_env.runner.report import render_many, to_text
from mlops_debug_env.runner.run_command import Connection
from tests.e2e.running import ServerProcess

AGENTS = ("nop", "random", "constant", "heuristic", "oracle")
ENTRIES = 80
"""Twenty of each task, in every profile: a run with experiments takes seconds, and the suite has 354 entries."""


@pytest.mark.slow
async def test_the_heuristic_stands_clear_of_agents_that_know_nothing_on_every_task(
    server: ServerProcess, tmp_path: Path
) -> None:
    summaries = await play_agents(
        Connection(url=server.url), agents=AGENTS, suite="practice-2", entries=ENTRIES, folder=tmp_path
    )
    print(to_text(render_many(summaries)))
    scores = {each.agent: {task: group.score for task, group in each.tasks.items()} for each in summaries}
    for task_id in TASK_IDS:
        if task_id == COMPOSED_TASK:  # has a suite and a floor of its own
            continue
        for blind in ("nop", "random", "constant"):
            assert scores[blind][task_id].high < scores["heuristic"][task_id].low, (blind, task_id)
        assert scores["constant"][task_id].mean <= blind_floor(task_id, seeds=1).score + 0.02
        assert scores["nop"][task_id].mean <= 0.05
        assert scores["oracle"][task_id].mean >= 0.95
