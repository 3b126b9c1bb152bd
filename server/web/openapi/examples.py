"""Examples of requests and answers in the OpenAPI document. A test validates each against its model."""

from __future__ import annotations

from typing import Any, Final

Example = dict[str, Any]

RESETS: Final[tuple[tuple[str, Example], ...]] = (
    ("anything", {}),
    ("repeatable", {"task_id": "medium", "seed": 7, "episode_id": "demo-1", "agent": "my-agent"}),
    ("numbered", {"split": "test", "index": 12}),
    ("resume", {"episode_id": "demo-1", "resume": True}),
)

_DIAGNOSIS: Final[Example] = {
    "action_type": "submit_diagnosis",
    "failure_category": "data_leakage",
    "root_cause_file": "preprocessing.py",
    "root_cause_field": "StandardScaler.fit_transform",
    "patch": [{"file": "preprocessing.py", "field": "StandardScaler.fit_transform", "value": "train"}],
    "confidence": 0.9,
}

STEPS: Final[tuple[tuple[str, Example], ...]] = (
    ("read", {"episode_id": "demo-1", "action": {"action_type": "read_config"}, "request_id": "r-1"}),
    ("read_logs", {"episode_id": "demo-1", "action": {"action_type": "read_logs", "log_filter": "epoch:2-5"}}),
    (
        "query",
        {
            "episode_id": "demo-1",
            "action": {
                "action_type": "query_artifact",
                "artifact_name": "config.yaml",
                "field_path": "optimizer.momentum",
            },
            "expected_version": 2,
        },
    ),
    (
        "check",
        {
            "episode_id": "demo-1",
            "action": {"action_type": "run_sanity_check", "sanity_check_type": "data_leakage"},
        },
    ),
    (
        "experiment",
        {
            "episode_id": "demo-1",
            "action": {
                "action_type": "run_experiment",
                "patch": [{"file": "config.yaml", "field": "optimizer.learning_rate", "value": 0.01}],
            },
        },
    ),
    ("submit", {"episode_id": "demo-1", "action": _DIAGNOSIS}),
    ("flat", {"action_type": "inspect_preprocessing", "episode_id": "demo-1"}),
)


def _info(version: int) -> Example:
    named: Example = {"episode_id": "demo-1", "version": version, "task_id": "medium"}
    return {**named, "step_count": version - 1, "max_steps": 30, "truncated": False}


def _observation(result: Example, read: list[str], step_count: int) -> Example:
    return {
        "task_id": "medium",
        "last_action_result": result,
        "artifacts_read": read,
        "checks_run": [],
        "step_count": step_count,
        "max_steps": 30,
        "experiments_left": 2,
        "messages": [],
    }


def _answer(observation: Example, reward: float | None, version: int) -> Example:
    info = _info(version)
    return {"observation": observation, "reward": reward, "done": False, "info": info, "metadata": info}


RESET_ANSWER: Final[Example] = _answer(
    {
        **_observation({"status": "reset"}, [], 0),
        "task_description": "You are given the artifacts of a finished machine-learning training run…",
        "run_id": "run-3fa9c1d2",
        "run_summary": {"model": "mlp", "dataset": "support-tickets", "status": "finished"},
        "available_artifacts": [
            {"name": "config.yaml", "description": "The training configuration.", "size_hint": "34 lines"}
        ],
        "sanity_checks": ["label_consistency", "data_leakage"],
        "field_registry": [
            {"file": "config.yaml", "field": "optimizer.learning_rate", "type": "number", "range": [1e-6, 1000.0]},
            {
                "file": "preprocessing.py",
                "field": "StandardScaler.fit_transform",
                "type": "choice",
                "choices": ["train", "all"],
            },
        ],
    },
    None,
    1,
)

STEP_ANSWERS: Final[tuple[tuple[str, Example], ...]] = (
    (
        "read",
        _answer(
            _observation(
                {"status": "ok", "artifact": "config.yaml", "filter": None, "content": "run_id: run-3fa9c1d2\n…"},
                ["config.yaml"],
                1,
            ),
            0.02,
            2,
        ),
    ),
    (
        "refused",
        _answer(
            _observation(
                {
                    "status": "refused",
                    "reason": "unknown_field",
                    "message": "config.yaml has no field optimizer.warmup.",
                },
                ["config.yaml"],
                2,
            ),
            0.0,
            3,
        ),
    ),
)

STATE: Final[Example] = {
    "episode_id": "demo-1",
    "step_count": 2,
    "task_id": "medium",
    "max_steps": 30,
    "experiments_left": 2,
    "done": False,
    "truncated": False,
    "total_reward": 0.04,
    "score": None,
    "artifacts_read": ["config.yaml", "train.log"],
    "checks_run": [],
    "ground_truth": None,
}

RPC_REQUESTS: Final[tuple[tuple[str, Example], ...]] = (
    ("list", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}),
    (
        "call",
        {
            "jsonrpc": "2.0",
            "id": 2,
            "method": "tools/call",
            "params": {"name": "read_logs", "arguments": {"log_filter": "epoch:2-5"}, "session_id": "my-session-7f3a"},
        },
    ),
)
RPC_ANSWERS: Final[tuple[tuple[str, Example], ...]] = (
    ("ping", {"jsonrpc": "2.0", "id": 1, "result": {}}),
    ("error", {"jsonrpc": "2.0", "id": 2, "error": {"code": -32601, "message": "Method not found: tools/drop"}}),
)
