"""Two runs on the same entries: paired differences, and what is said where there are too few."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_debug_env.runner.compare import NothingInCommonError, compare_runs
from mlops_debug_env.runner.records import RunHeader
from mlops_debug_env.runner.report import render_comparison, to_text
from mlops_debug_env.runner.run_folder import RunFolder, create_folder
from mlops_debug_env.suites import SuiteEntry
from tests.client.runner.made import made_result


def run_of(path: Path, scores: dict[int, float], agent: str = "a") -> Path:
    entries = tuple(SuiteEntry(task_id="easy", seed=seed) for seed in scores)
    header = RunHeader(
        run_id=f"{len(path.name):032x}",
        suite="s",
        entries=entries,
        agent=agent,
        model=None,
        trials=1,
        reward_mode="shaped",
        agent_options={},
        package_version="0",
    )
    create_folder(path, header, {})
    with RunFolder(path, header) as folder:
        for seed, score in scores.items():
            folder.write_result(made_result(seed=seed, score=score, agent=agent))
    return path


def test_the_difference_is_of_pairs_so_that_hard_entries_cancel_out(tmp_path: Path) -> None:
    first = {seed: 0.1 + 0.05 * seed for seed in range(14)}
    second = {seed: score + 0.1 for seed, score in first.items()}
    pair = compare_runs(run_of(tmp_path / "one", first), run_of(tmp_path / "three", second, "b")).tasks["all"]
    assert (pair.entries, pair.better, pair.worse, pair.same) == (14, 14, 0, 0)
    assert pair.difference.mean == pytest.approx(0.1)
    assert pair.difference.low is not None
    assert pair.difference.high is not None
    assert pair.difference.high - pair.difference.low < 0.4


def test_one_entry_shows_a_difference_and_no_interval(tmp_path: Path) -> None:
    comparison = compare_runs(run_of(tmp_path / "one", {1: 0.1}), run_of(tmp_path / "three", {1: 0.9}, "b"))
    assert comparison.tasks["all"].difference == (0.8, None, None)
    assert comparison.tasks["all"].detectable_difference is None
    assert "too few" in to_text(render_comparison(comparison))


def test_entries_of_one_run_only_are_left_out_and_counted(tmp_path: Path) -> None:
    comparison = compare_runs(run_of(tmp_path / "one", {1: 0.1, 2: 0.3}), run_of(tmp_path / "three", {2: 0.3, 3: 0.9}))
    assert (comparison.tasks["all"].entries, comparison.note[:9]) == (1, "2 entries")


def test_runs_without_a_common_entry_cannot_be_compared(tmp_path: Path) -> None:
    with pytest.raises(NothingInCommonError):
        compare_runs(run_of(tmp_path / "one", {1: 0.1}), run_of(tmp_path / "three", {2: 0.9}))
