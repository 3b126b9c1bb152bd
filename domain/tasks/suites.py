"""Suites: versioned data of what a ranked round consists of. A suite never changes; a new one has a new name."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Mapping, Sequence

from domain.chain import canonical, digest_of
from domain.types import COMPOSED_TASK, TASK_IDS, TaskId


class UnknownSuiteError(LookupError):
    """No suite has this name."""

    def __init__(self, suite_id: str) -> None:
        super().__init__(f"there is no suite {suite_id}; there are {', '.join(sorted(SUITES))}")
        self.suite_id = suite_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """The tasks of a round in their order, and for each task the faults and how often each counts."""

    suite_id: str
    entries: tuple[TaskId, ...]
    """The task of each entry; an agent names entries by their place, from 1."""
    mix: Mapping[TaskId, tuple[str, ...]]
    """A multiset of faults for each task: what an entry of that task is drawn from."""
    is_dealt: bool = False
    """Whether the entries of a task get faults without replacement within an attempt at the whole suite; otherwise each
    is a draw of its own."""

    def task_of(self, entry: int) -> TaskId:
        """The task of an entry; raises ``UnknownEntryError``."""
        if not 1 <= entry <= len(self.entries):
            raise UnknownEntryError(self.suite_id, entry, len(self.entries))
        return self.entries[entry - 1]

    def place_of(self, entry: int) -> int:
        """How many entries of its task come before an entry."""
        return self.entries[: entry - 1].count(self.task_of(entry))

    def weight_of(self, fault_id: str, task_id: TaskId) -> float:
        """Share of the faults of a task."""
        faults = self.mix[task_id]
        return faults.count(fault_id) / len(faults)

    @property
    def strata(self) -> dict[str, tuple[TaskId, str]]:
        """The name of each fault on a board, to its task and its id."""
        return name_strata(self.mix)

    def to_json(self) -> dict[str, Any]:
        """The suite as it is published."""
        mix = {task_id: list(self.mix[task_id]) for task_id in TASK_IDS if task_id in self.mix}
        dealt = {"dealt": True} if self.is_dealt else {}
        return {"suite_id": self.suite_id, "entries": list(self.entries), "mix": mix, **dealt}

    @property
    def digest(self) -> str:
        """What a round records of its suite: 64 hex digits."""
        return digest_of(canonical(self.to_json())).hex()


def name_strata(mix: Mapping[TaskId, Sequence[str]]) -> dict[str, tuple[TaskId, str]]:
    """The name of each fault of each task on a board, to task and fault. Names of faults that several tasks have, and all
    of the expert task, carry the task."""
    strata = [(task_id, fault) for task_id, faults in mix.items() for fault in dict.fromkeys(faults)]
    tasks = Counter(fault for task_id, fault in strata if task_id != COMPOSED_TASK)
    return {
        f"{task_id}/{fault}" if task_id == COMPOSED_TASK or tasks[fault] > 1 else fault: (task_id, fault)
        for task_id, fault in strata
    }


class UnknownEntryError(LookupError):
    """A suite has no such place."""

    def __init__(self, suite_id: str, entry: int, count: int) -> None:
        super().__init__(f"{suite_id} has entries 1 to {count}, not {entry}")
        self.entry = entry
        self.count = count


RANKED_1 = Suite(
    suite_id="ranked-1",
    entries=("easy", "medium", "hard") * 3,
    mix=MappingProxyType(
        {
            "easy": ("batch_size_overflow", "exploding_lr", "wrong_optimizer"),
            "medium": ("data_leakage_overlap", "data_leakage_scaler", "wrong_split_ratio"),
            "hard": ("label_encoder_mismatch", "silent_metric_swap", "tokenizer_version_drift"),
        }
    ),
)

RANKED_2 = Suite(
    suite_id="ranked-2",
    entries=("easy", "medium", "hard", "expert") * 3,
    mix=MappingProxyType(
        {
            "easy": (
                "dropout_too_high",
                "bottleneck",
                "missing_output_unit",
                "no_scaling",
                "batch_size_overflow",
                "wrong_optimizer",
                "exploding_lr",
                "lr_too_small",
                "grad_clip_too_small",
                "weight_decay_too_large",
            ),
            "medium": (
                "zero_init",
                "init_gain_too_large",
                "double_softmax",
                "shuffle_off_sorted",
                "early_stop_patience",
                "label_row_misaligned",
                "scaler_missing_eval",
                "sentinel_impute",
                "target_encoding_insample",
                "wrong_split_ratio",
                "data_leakage_overlap",
                "data_leakage_scaler",
                "second_split_from_all",
                "oversample_before_split",
                "group_leakage",
                "target_encoding_leak",
                "feature_selection_leak",
                "proxy_feature",
            ),
            "hard": (
                "label_encoder_mismatch",
                "scaler_refit_eval",
                "unit_mismatch_eval",
                "feature_order_eval",
                "tokenizer_version_drift",
                "silent_metric_swap",
                "eval_wrong_checkpoint",
                "eval_on_train",
                "eval_dropout_on",
                "val_loader_is_test",
            ),
            "expert": ("none",) * 6
            + (
                "batch_size_overflow",
                "dropout_too_high",
                "eval_on_train",
                "feature_order_eval",
                "feature_selection_leak",
                "init_gain_too_large",
                "missing_output_unit",
                "shuffle_off_sorted",
                "silent_metric_swap",
                "target_encoding_leak",
                "val_loader_is_test",
                "zero_init",
            )
            + (
                "bottleneck+label_encoder_mismatch",
                "data_leakage_overlap+grad_clip_too_small",
                "data_leakage_scaler+early_stop_patience",
                "double_softmax+eval_wrong_checkpoint",
                "eval_dropout_on+proxy_feature",
                "exploding_lr+wrong_split_ratio",
                "group_leakage+oversample_before_split",
                "label_row_misaligned+tokenizer_version_drift",
                "lr_too_small+scaler_missing_eval",
                "no_scaling+second_split_from_all",
                "scaler_refit_eval+wrong_optimizer",
                "sentinel_impute+weight_decay_too_large",
            ),
        }
    ),
)
"""The whole catalogue, and the expert task: a fifth of its runs is healthy, two fifths have one fault, two fifths two."""

RANKED_3 = Suite(
    suite_id="ranked-3",
    entries=("easy", "medium", "hard", "expert", "hard", "expert") * 3,
    is_dealt=True,
    mix=MappingProxyType(
        {
            "easy": (
                "dropout_too_high",
                "bottleneck",
                "missing_output_unit",
                "no_scaling",
                "batch_size_overflow",
                "wrong_optimizer",
                "exploding_lr",
                "lr_too_small",
                "grad_clip_too_small",
                "weight_decay_too_large",
                "init_gain_too_large",
                "label_row_misaligned",
                "scaler_missing_eval",
                "unit_mismatch_eval",
                "feature_order_eval",
            ),
            "medium": (
                "zero_init",
                "double_softmax",
                "shuffle_off_sorted",
                "early_stop_patience",
                "sentinel_impute",
                "target_encoding_insample",
                "wrong_split_ratio",
                "data_leakage_overlap",
                "data_leakage_scaler",
                "second_split_from_all",
                "oversample_before_split",
                "group_leakage",
                "target_encoding_leak",
                "feature_selection_leak",
                "proxy_feature",
                "scaler_refit_eval",
                "eval_wrong_checkpoint",
                "eval_on_train",
                "eval_dropout_on",
                "val_loader_is_test",
            ),
            "hard": (
                "source_unit_changed",
                "undeclared_missing_code",
                "frozen_column",
                "row_multiplying_join",
                "stale_snapshot",
                "evaluation_rows_in_training",
                "undeclared_thinning",
                "tokenizer_version_drift",
                "feature_updated_after_outcome",
                "random_split_of_drift",
                "group_leakage",
                "sentinel_impute",
                "test_from_one_source",
                "class_weight_order",
                "scaler_default_changed",
                "vocabulary_default_changed",
            )
            * 3
            + (
                "exchanged_label_codes",
                "random_labels_from_source",
                "class_dropping_join",
                "day_month_exchanged",
                "immature_labels",
                "label_encoder_mismatch",
                "silent_metric_swap",
                "shuffle_off_sorted",
                "loss_over_padding",
            ),
            "expert": ("none",) * 8
            + (
                "source_unit_changed",
                "undeclared_missing_code",
                "frozen_column",
                "row_multiplying_join",
                "stale_snapshot",
                "evaluation_rows_in_training",
                "undeclared_thinning",
                "tokenizer_version_drift",
                "feature_updated_after_outcome",
                "random_split_of_drift",
                "group_leakage",
                "sentinel_impute",
                "test_from_one_source",
                "class_weight_order",
                "scaler_default_changed",
                "vocabulary_default_changed",
            )
            + (
                "class_weight_order+undeclared_thinning",
                "evaluation_rows_in_training+group_leakage",
                "feature_updated_after_outcome+test_from_one_source",
                "frozen_column+random_split_of_drift",
                "row_multiplying_join+stale_snapshot",
                "scaler_default_changed+source_unit_changed",
                "sentinel_impute+undeclared_missing_code",
                "tokenizer_version_drift+vocabulary_default_changed",
            ),
        }
    ),
)
"""Generator 5: two thirds are runs of several sources. Faults that log and results show in few runs count three times on hard, and are all
that expert has: of its runs, a quarter is healthy, a half has one fault, a quarter two."""

SUITES: Mapping[str, Suite] = MappingProxyType({suite.suite_id: suite for suite in (RANKED_1, RANKED_2, RANKED_3)})


def find_suite(suite_id: str) -> Suite:
    """The suite with this id; raises ``UnknownSuiteError``."""
    if suite_id not in SUITES:
        raise UnknownSuiteError(suite_id)
    return SUITES[suite_id]
