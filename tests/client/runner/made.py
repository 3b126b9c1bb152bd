"""Results made by hand."""

from __future__ import annotations

from typing import Any

from mlops_debug_env.runner.records import EpisodeResult


def made_result(*, seed: int = 1, trial: int = 0, score: float = 0.5, **values: Any) -> EpisodeResult:
    body = dict.fromkeys(EpisodeResult.model_fields)
    task_id = values.get("task_id", "easy")
    body |= {
        "episode_id": f"r.{seed}.{trial}",
        "run_id": "r",
        "agent": "a",
        "entry": f"{task_id}-{seed}",
        "task_id": task_id,
        "seed": seed,
        "trial": trial,
        "score": score,
        "steps": 5,
        "truncated": False,
        "fault_id": "exploding_lr",
        "is_right": score >= 0.7,
    }
    counts = ("total_reward", "category_points", "file_points", "field_points", "fix_points", "penalty_points")
    body |= dict.fromkeys(counts, 0.0)
    body |= dict.fromkeys(("artifacts_read", "checks_run", "duplicate_reads", "refused"), 0)
    return EpisodeResult.model_validate(body | values)
