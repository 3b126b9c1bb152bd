"""Boards written by hand, as ``/leaderboard.json`` gives them."""

from __future__ import annotations

from typing import Any

MIX = {
    "easy": ["exploding_lr", "wrong_optimizer", "batch_size_overflow"],
    "medium": ["data_leakage_scaler", "data_leakage_overlap", "wrong_split_ratio"],
    "hard": ["label_encoder_mismatch", "silent_metric_swap", "tokenizer_version_drift"],
}
FAULTS = {fault: task_id for task_id, faults in MIX.items() for fault in faults}


def board_row(agent: str, rank: int | None, score: float, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "agent": agent,
        "kind": "agent",
        "verified": False,
        "rank": rank,
        "score": score,
        "interval": [round(score - 0.06, 4), round(min(1.0, score + 0.06), 4)],
        "plain_mean": score,
        "attempts": {"used": 36, "running": 0, "allowed": 36},
        "entries_never_attempted": 0,
        "complete": True,
        "pass_1": score,
        "pass_k": {"1": score, "2": score * score, "4": round(score**4, 4)},
        "tasks": {task_id: {"attempts": 12, "mean": score} for task_id in MIX},
        "faults": {fault: {"task_id": task_id, "attempts": 4, "mean": score} for fault, task_id in FAULTS.items()},
        "mean_steps": 8.5,
        "brier": 0.12,
        "calibration": [],
        "client_reported": {"attempts": 0, "tokens": None, "cost_usd": None, "cost_usd_per_attempt": None},
        "on_frontier": None,
    }
    return row | changes


def board(*rows: dict[str, Any], **changes: Any) -> dict[str, Any]:
    heading: dict[str, Any] = {
        "round": "autumn-1",
        "suite": {"suite_id": "ranked-1", "entries": [task for task in MIX for _ in range(3)], "mix": MIX},
        "attempts_allowed": 4,
        "has_ranks": True,
        "rubric_version": "1",
        "recorded_rubric_version": "1",
        "generator_version": "1",
        "commitment": "ab" * 32,
        "opened_at": "2030-01-01T00:00:00.000Z",
        "closed_at": None,
        "pass_score": 0.85,
    }
    return {**heading, **changes, "rows": list(rows)}


def said(cost: float) -> dict[str, Any]:
    return {"attempts": 36, "tokens": int(cost * 1e6), "cost_usd": cost * 36, "cost_usd_per_attempt": cost}
