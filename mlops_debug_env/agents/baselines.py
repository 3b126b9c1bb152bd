"""Baseline agents that ignore the evidence: an empty, a random and a constant diagnosis."""

from __future__ import annotations

import random
from types import MappingProxyType
from typing import Mapping

from mlops_debug_env.agents.investigation import investigative_actions
from mlops_debug_env.protocol.actions import Action, Diagnosis, PatchEntry, submission
from mlops_debug_env.protocol.observations import Observation, RegistryField, ResetObservation
from mlops_debug_env.protocol.types import FAILURE_CATEGORIES, ArtifactName, FailureCategory, TaskId

READS_THAT_COST_NOTHING = 3
"""An answer after fewer reads loses points."""


class NopAgent:
    """Submits an empty diagnosis at once; on the expert task, an empty list."""

    name = "nop"

    async def act(self, observation: Observation) -> Action:
        return submission(observation.task_id)


class RandomAgent:
    """Reads at random, then names a random field of the registry."""

    name = "random"

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._actions = [action for _, action in investigative_actions()]
        draw.shuffle(self._actions)
        del self._actions[draw.randint(READS_THAT_COST_NOTHING, len(self._actions)) :]
        self._fields: tuple[RegistryField, ...] = ()

    async def act(self, observation: Observation) -> Action:
        if isinstance(observation, ResetObservation):
            self._fields = observation.field_registry
        is_last = observation.step_count + 1 >= observation.max_steps
        return submission(observation.task_id, self._guess()) if is_last or not self._actions else self._actions.pop()

    def _guess(self) -> Diagnosis:
        category = self._draw.choice(FAILURE_CATEGORIES)
        if not self._fields:
            return Diagnosis(failure_category=category, confidence=0.0)
        field = self._draw.choice(self._fields)
        return Diagnosis(
            failure_category=category,
            root_cause_file=field.file,
            root_cause_field=field.field,
            patch=(PatchEntry(file=field.file, field=field.field, value=self._value(field)),),
            confidence=1 / (len(FAILURE_CATEGORIES) * len(self._fields)),
        )

    def _value(self, field: RegistryField) -> bool | int | float | str | None:
        match field.type:
            case "choice" if field.choices:
                return self._draw.choice(field.choices)
            case "boolean":
                return self._draw.random() < 0.5
            case "number" | "integer" if field.range:
                low, high = field.range
                # Evenly over the orders of magnitude: ranges reach from a millionth to a thousand.
                value = low + (high - low) * 10 ** self._draw.uniform(-6, 0)
                return round(value) if field.type == "integer" else value
            case _:
                return ""


class ConstantAgent:
    """Submits one fixed answer for each task, with everything in it that could earn points."""

    name = "constant"

    def __init__(self) -> None:
        self._actions = [action for shown, action in investigative_actions() if "." in shown][:READS_THAT_COST_NOTHING]

    async def act(self, observation: Observation) -> Action:
        if self._actions:
            return self._actions.pop()
        return submission(observation.task_id, stuffed(observation.task_id))


MOST_LIKELY: Mapping[TaskId, tuple[FailureCategory, ArtifactName]] = MappingProxyType(
    {
        "easy": ("config_error", "config.yaml"),
        "medium": ("preprocessing_bug", "preprocessing.py"),
        "hard": ("preprocessing_bug", "data_sources.yaml"),
        "expert": ("preprocessing_bug", "data_sources.yaml"),
    }
)
"""The most frequent category and file of each task."""


def stuffed(task_id: TaskId) -> Diagnosis:
    """The most frequent category and file, with many fields and fixes."""
    category, file = MOST_LIKELY[task_id]
    return Diagnosis(
        failure_category=category,
        root_cause_file=file,
        root_cause_field=(
            "StandardScaler.fit_transform, train_test_split.random_state, train_test_split.test_size, "
            "LabelEncoder.fit_order, metrics.val_accuracy, tokenizer.version, optimizer.learning_rate, "
            "optimizer.momentum, training.batch_size"
        ),
        diagnosis="The data leaked, a setting is wrong, the labels do not match, and the evaluation is at fault.",
        proposed_fix=(
            "Fit the scaler on the training rows only. Use random_state=SEED. Set test_size to 0.15. Use the class "
            "order of training. Exchange validation and test accuracy. Use the tokenizer of training. Lower the "
            "learning rate to 0.2. Lower momentum to 0.9. Set batch_size to 64."
        ),
        confidence=0.1,
    )
