"""The environment for TRL: ``GRPOTrainer(environment_factory=MlopsDebugToolEnv)``. Imports nothing of TRL.

TRL makes an object without arguments, calls `reset` with each row of the dataset, offers every other public method to
the model as a tool, and asks `get_reward` once the rollout is over. So a public method more would be a tool more.
"""

from __future__ import annotations

import os
import weakref
from typing import Any

from pydantic import ValidationError

from mlops_debug_env.agents.prompt import describe_episode, describe_result
from mlops_debug_env.protocol.actions import parse_action
from mlops_debug_env.protocol.errors import InvalidRequestError
from mlops_debug_env.protocol.observations import ResetObservation, StepResult
from mlops_debug_env.protocol.types import ArtifactName, FailureCategory, SanityCheckName
from mlops_debug_env.transport.async_client import DEFAULT_URL
from mlops_debug_env.transport.sync_client import SyncDebugClient

URL_VARIABLE = "MLOPS_DEBUG_URL"
API_KEY_VARIABLE = "MLOPS_DEBUG_API_KEY"
FIRST_TRAINING_SEED = 2**40
"""Row ``index`` plays seed 2^40 + index: far from the seeds that people type and that suites are made of."""


class ToolError(RuntimeError):
    """The tool could not do what was asked. TRL shows the words to the model, which may try something else."""


class MlopsDebugToolEnv:
    """One rollout at a time on a socket of its own, which is kept from rollout to rollout.

    Where the server is, is read from MLOPS_DEBUG_URL (default http://127.0.0.1:7860), and a key from
    MLOPS_DEBUG_API_KEY. A row needs a column ``seed`` or ``index``, so that all rollouts of a GRPO group begin alike;
    ``task_id`` (default easy), ``split`` (default train) and ``reward_mode`` (default shaped) may stand beside it.
    """

    def __init__(self, url: str | None = None) -> None:
        """``url``: where the server is, instead of what MLOPS_DEBUG_URL says. TRL gives no argument."""
        url, key = url or os.environ.get(URL_VARIABLE) or DEFAULT_URL, os.environ.get(API_KEY_VARIABLE) or None
        self._client = SyncDebugClient(url, api_key=key)
        # Not a method close(): the model would be offered it as a tool.
        self._closer = weakref.finalize(self, self._client.close)
        self._reward = 0.0
        self._is_done = True

    def reset(self, **row: Any) -> str:
        """Begin an episode on the scenario that the row names.

        Returns:
            What the model is told first; TRL appends it to the prompt.
        """
        seed = row.get("seed")
        if seed is None and row.get("index") is not None:
            seed = FIRST_TRAINING_SEED + int(row["index"])
        if seed is None:
            raise ValueError("Give the dataset a column seed or index: all rollouts of a group must begin alike.")
        begun = self._client.reset(
            task_id=row.get("task_id") or "easy",
            seed=int(seed),
            split=row.get("split"),
            agent=row.get("agent") or "trl",
            reward_mode=row.get("reward_mode"),
        )
        self._reward, self._is_done = 0.0, False
        if not isinstance(begun.observation, ResetObservation):
            raise TypeError("the server answered a reset with the observation of a step")
        return describe_episode(begun.observation)

    def get_reward(self) -> float:
        """What the rollout has earned: the sum of its rewards, with the score of the diagnosis among them."""
        return self._reward

    def read_config(self) -> str:
        """Read config.yaml: the settings of model, optimizer, training and evaluation.

        Returns:
            The text of the file.
        """
        return self._text({"action_type": "read_config"})

    def read_logs(self, log_filter: str = "") -> str:
        """Read train.log: losses, accuracies and gradient norms of every epoch.

        Args:
            log_filter: A keyword in any case, or an epoch like "epoch:3", or a range like "epoch:2-5"; empty shows the whole log.

        Returns:
            The lines of the log that the filter keeps.
        """
        return self._text({"action_type": "read_logs", "log_filter": log_filter or None})

    def check_dataset_stats(self) -> str:
        """Read dataset_stats.json: rows, classes and splits of the data.

        Returns:
            The text of the file.
        """
        return self._text({"action_type": "check_dataset_stats"})

    def inspect_preprocessing(self) -> str:
        """Read preprocessing.py: the code that made the features and ran the evaluation.

        Returns:
            The text of the file.
        """
        return self._text({"action_type": "inspect_preprocessing"})

    def read_eval_results(self) -> str:
        """Read eval_results.json: the reported metrics and the confusion matrix of the test rows.

        Returns:
            The text of the file.
        """
        return self._text({"action_type": "read_eval_results"})

    def read_artifact(
        self,
        artifact_name: ArtifactName,
        log_filter: str = "",
    ) -> str:
        """Read any artifact that the run has.

        Args:
            artifact_name: Name of the artifact.
            log_filter: For train.log only, as in read_logs; otherwise empty.

        Returns:
            The text of the artifact.
        """
        action = {"action_type": "read_artifact", "artifact_name": artifact_name, "log_filter": log_filter or None}
        return self._text(action)

    def query_artifact(
        self,
        artifact_name: ArtifactName,
        field_path: str,
    ) -> str:
        """Read one field of an artifact, one block of data_slices.json, or the lines of code, diff or log that hold a keyword.

        Args:
            artifact_name: Name of the artifact.
            field_path: Keys and list indices joined by dots, for example "optimizer.momentum"; for code, diff and log a keyword; for data_slices.json the name of a block.

        Returns:
            The value as JSON.
        """
        return self._text({"action_type": "query_artifact", "artifact_name": artifact_name, "field_path": field_path})

    def run_sanity_check(
        self,
        sanity_check_type: SanityCheckName,
    ) -> str:
        """Run one of the eight sanity checks on the training run.

        Args:
            sanity_check_type: Name of the check.

        Returns:
            What was measured and, where the check judges, what of it is unusual, as JSON.
        """
        return self._text({"action_type": "run_sanity_check", "sanity_check_type": sanity_check_type})

    def run_experiment(self, patch: list[dict[str, Any]] | None = None) -> str:
        """Train the run again with a patch and another training seed. There are few experiments; each costs a step.

        Args:
            patch: No entry, one or two, each with the keys "file", "field" and "value"; without one only the training seed differs.

        Returns:
            The end of the log, and the metrics on the rows of training and validation, as JSON.
        """
        return self._text({"action_type": "run_experiment", "patch": patch or None})

    def submit_diagnosis(
        self,
        failure_category: FailureCategory,
        root_cause_file: str,
        root_cause_field: str,
        diagnosis: str,
        proposed_fix: str,
        confidence: float,
        patch: list[dict[str, Any]] | None = None,
        edits: list[dict[str, str]] | str | None = None,
    ) -> str:
        """Submit the diagnosis. It is graded, and the episode is over.

        Args:
            failure_category: Category of the failure.
            root_cause_file: The one artifact in which the root cause lies.
            root_cause_field: The one field of that artifact.
            diagnosis: What happened, in your own words.
            proposed_fix: The fix in words.
            confidence: Probability from 0 to 1 that category, file and field are all right.
            patch: The fix as one or two entries with the keys "file", "field" and "value"; it is judged by training again.
            edits: Instead of a patch, one or two edits with the keys "file", "find" and "replace", or one unified diff.

        Returns:
            The score.
        """
        return self._text(
            {
                "action_type": "submit_diagnosis",
                "failure_category": failure_category,
                "root_cause_file": root_cause_file,
                "root_cause_field": root_cause_field,
                "diagnosis": diagnosis,
                "proposed_fix": proposed_fix,
                "confidence": confidence,
                "patch": patch or None,
                "edits": edits or None,
            }
        )

    def submit_diagnoses(self, diagnoses: list[dict[str, Any]]) -> str:
        """Submit the diagnoses of the expert task, and only of that one. They are graded, and the episode is over.

        Args:
            diagnoses: No entry for a healthy run, else one for each thing that is wrong, two at most. The keys of an entry are the parameters of submit_diagnosis.

        Returns:
            The score.
        """
        return self._text({"action_type": "submit_diagnosis", "diagnoses": diagnoses})

    def _text(self, action: dict[str, Any]) -> str:
        seen = self._step(action).observation
        result = seen.last_action_result
        if result.status == "refused":
            raise ToolError(result.message or result.reason or "the action was refused")
        return describe_result(result, step=seen.step_count, max_steps=seen.max_steps)

    def _step(self, action: dict[str, Any]) -> StepResult:
        if self._is_done:
            raise ToolError("The episode is over; there is nothing more to do.")
        try:
            wanted = parse_action({name: value for name, value in action.items() if value is not None})
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            raise ToolError(f"{'.'.join(str(part) for part in first['loc'][1:])}: {first['msg']}") from None
        try:
            answered = self._client.step(wanted)
        except InvalidRequestError as error:  # one diagnosis where the task takes a list, or the other way round
            raise ToolError(str(error)) from None
        self._reward += answered.reward or 0.0
        self._is_done = answered.done
        return answered
