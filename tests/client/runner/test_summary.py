"""Figures that follow from results."""

from __future__ import annotations

import json
import random

import pytest

from mlops_debug_env.runner.summary import Summary, scores_json, summarise
from tests.client.runner.made import made_result

RESULTS = [
    made_result(seed=1, trial=0, score=0.9, confidence=0.8, brier=0.04),
    made_result(seed=1, trial=1, score=0.1, confidence=0.8, brier=0.64),
    made_result(seed=2, trial=0, score=0.1, fault_id="wrong_optimizer"),
    made_result(seed=2, trial=1, score=0.2, fault_id="wrong_optimizer"),
    made_result(seed=1, trial=0, score=0.99, task_id="hard", fault_id="silent_metric_swap", truncated=True),
    made_result(seed=1, trial=1, score=0.99, task_id="hard", fault_id="silent_metric_swap"),
]


def summary_of(results: list, **given: float) -> Summary:  # type: ignore[type-arg]
    return summarise(results, run_id="r", agent="a", planned=8, **given)  # type: ignore[arg-type]


def test_figures_by_task_and_fault() -> None:
    summary = summary_of(RESULTS)
    easy = summary.tasks["easy"]
    assert (easy.episodes, easy.entries, easy.score.mean) == (4, 2, 0.325)
    assert easy.pass_at == {1: 0.25, 2: 0.5}
    assert easy.pass_all == {1: 0.25, 2: 0.0}
    assert (easy.brier, easy.stated, easy.calibration_error) == (0.34, 2, 0.3)
    assert summary.tasks["hard"].truncated == 1
    assert set(summary.faults) == {"exploding_lr", "wrong_optimizer", "silent_metric_swap"}
    assert summary.model is None


def test_figures_do_not_hang_on_which_episode_ended_first() -> None:
    shuffled = RESULTS.copy()
    random.Random(1).shuffle(shuffled)
    assert summary_of(shuffled) == summary_of(RESULTS)


def test_another_bound_lets_other_episodes_pass() -> None:
    assert summary_of(RESULTS, success_at=0.15).tasks["easy"].pass_at == {1: 0.5, 2: 1.0}


def test_the_short_form_leaves_out_tasks_without_results() -> None:
    scores = scores_json(summary_of(RESULTS))
    assert set(scores) == {"tasks"}
    assert set(scores["tasks"]) == {"easy", "hard"}
    assert set(scores["tasks"]["easy"]) == {"mean", "low", "high"}
    assert scores_json(summary_of([])) == {"tasks": {}}


def test_a_model_without_a_price_has_no_cost() -> None:
    used = {
        "calls": 2, "input_tokens": 10, "output_tokens": 1, "latency_seconds": 3.0, "retries": 0, "invalid_replies": 1,
        "fallback_steps": 0, "ignored_calls": 0, "folded_results": 0, "estimated_tokens": 0,
    }  # fmt: skip
    unpriced = summary_of([made_result(**used)]).model
    assert unpriced is not None
    assert (unpriced.cost_usd, unpriced.latency_seconds_per_call, unpriced.invalid_replies) == (None, 1.5, 1)
    priced = summary_of([made_result(**used, cost_usd=0.25)] * 2).model
    assert priced is not None
    assert priced.cost_usd == pytest.approx(0.5)


def test_every_figure_of_the_summary_file_has_a_name() -> None:
    result = made_result(confidence=0.5, brier=0.25)
    written = json.loads(summarise([result], run_id="r", agent="a", planned=1).model_dump_json())
    assert set(written["overall"]["score"]) == {"mean", "low", "high"}
    assert set(written["overall"]["calibration"][0]) == {"low", "high", "episodes", "mean_confidence", "share_right"}
