"""The shared vocabulary: closed sets of names that appear in events, on the wire and in tables. No logic."""

from __future__ import annotations

from typing import Literal, get_args

TaskId = Literal["easy", "medium", "hard", "expert"]
RewardMode = Literal["shaped", "sparse"]
Control = Literal["agent", "client"]
"""Whom the tools of MCP serve: an ``agent`` gets actions, and neither truth nor seed; a ``client`` gets the lifecycle, too."""
InvalidActions = Literal["error", "step"]
"""What an action that does not fit the schema is: an ``error``, or a refused ``step``."""
ArtifactName = Literal[
    "config.yaml",
    "train.log",
    "dataset_stats.json",
    "preprocessing.py",
    "eval_results.json",
    "model_card.json",
    "data_sources.yaml",
    "data_slices.json",
    "train.py",
    "changes.diff",
    "previous_run.json",
]
SanityCheckName = Literal[
    "label_consistency",
    "data_leakage",
    "gradient_norms",
    "class_balance",
    "feature_statistics",
    "encoder_version_match",
    "loss_trajectory",
    "metric_gap_analysis",
]
FailureCategory = Literal[
    "config_error",
    "data_leakage",
    "preprocessing_bug",
    "label_mismatch",
    "evaluation_bug",
    "architecture_bug",
]
SplitName = Literal["train", "validation", "test"]
ExperimentStatus = Literal["finished", "stopped"]
EndReason = Literal["submitted", "steps", "idle", "abandoned"]

TASK_IDS: tuple[TaskId, ...] = get_args(TaskId)
COMPOSED_TASK: TaskId = "expert"
"""The task whose runs have no fault, one or two, and whose diagnoses come as a list."""
SINGLE_FAULT_TASKS: tuple[TaskId, ...] = tuple(name for name in TASK_IDS if name != COMPOSED_TASK)
"""The tasks whose runs have exactly one fault."""
SPLIT_NAMES: tuple[SplitName, ...] = get_args(SplitName)
ARTIFACT_NAMES: tuple[ArtifactName, ...] = get_args(ArtifactName)
COMMON_ARTIFACT_NAMES: tuple[ArtifactName, ...] = ARTIFACT_NAMES[:6]
"""Those that every scenario has; a scenario may have further ones."""
SANITY_CHECK_NAMES: tuple[SanityCheckName, ...] = get_args(SanityCheckName)
FAILURE_CATEGORIES: tuple[FailureCategory, ...] = get_args(FailureCategory)
