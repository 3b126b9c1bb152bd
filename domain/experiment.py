"""The recorded result of an experiment: values only. `domain.families` computes them.

An experiment trains the run again with a patch of at most two entries and another training seed; a family may
take the mean of several trainings. The split is that of the
recorded run: rows that the patch leaves in stay in their sets. It shows what a training shows, on the rows of training and validation; never the rows of the test, and never a verdict.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.diagnosis import PatchEntry
from domain.types import ExperimentStatus

RejectReason = Literal["unknown_field", "invalid_value"]
LOG_TAIL_LINES = 5
"""How many lines from the end of its log an experiment shows."""


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SplitMetrics(_Value):
    """Scores on the rows of one split. A number that is not finite is null."""

    accuracy: float | None
    loss: float | None
    """Mean cross-entropy, nats."""


class SourceMetrics(_Value):
    """Accuracy on the rows of one data source; null: it has no rows in the split."""

    train_accuracy: float | None
    validation_accuracy: float | None


class ExperimentMetrics(_Value):
    """What an experiment measured."""

    train: SplitMetrics
    validation: SplitMetrics
    by_source: dict[str, SourceMetrics]
    """Empty where the data have one source."""


class ExperimentResult(_Value):
    """What one experiment shows. The same scenario, patch and number give the same result."""

    number: Annotated[int, Field(ge=1)]
    """Place among the experiments of the episode, from 1. It decides the training seed."""
    patch: tuple[PatchEntry, ...]
    """What was changed; empty: nothing but the training seed."""
    status: ExperimentStatus
    """``stopped``: the loss was not finite."""
    log_tail: tuple[str, ...]
    """The last lines of the log."""
    metrics: ExperimentMetrics


class ExperimentRejection(_Value):
    """Why a patch was not trained with."""

    reason: RejectReason
    text: str
    """A clause in words, without a full stop."""


ExperimentOutcome = ExperimentResult | ExperimentRejection


class ExperimentRejectedError(ValueError):
    """The patch names a field that cannot be set, or gives a value that cannot be trained with."""

    def __init__(self, reason: RejectReason, text: str) -> None:
        super().__init__(reason, text)  # both, so that it can be sent from one process to another
        self.reason: RejectReason = reason
        self.text = text

    def __str__(self) -> str:
        return self.text
