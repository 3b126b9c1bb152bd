"""A scenario's values: `Evidence` is all that the agent's side is given, `Truth` all that only the grader is given."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from domain.diagnosis import PatchEntry
from domain.types import ArtifactName, FailureCategory, SanityCheckName, TaskId


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RunSummary(_Value):
    """What the front page of a training run says."""

    model: str
    dataset: str
    status: str


class CheckResult(_Value):
    """One sanity check, computed from the training run."""

    check: SanityCheckName
    flag: bool | None
    """Null: the check only measures."""
    reasons: tuple[str, ...] | None
    """One sentence for each measured number beyond its threshold; empty when the flag is down; null when there is none."""
    measured: dict[str, Any]
    """Name to number, string or list; a NaN or infinity is null."""


class Evidence(_Value):
    """Everything an agent can find out about one scenario. Holds no seed, no fault and no candidate."""

    run_id: str
    run_summary: RunSummary
    artifacts: dict[ArtifactName, str]
    """The text of each artifact that the scenario has. A JSON document with the keys ``contents`` and ``blocks`` alone is read
    in parts: reading shows its contents, and a query gives one block."""
    checks: dict[SanityCheckName, CheckResult]


class SafeField(_Value):
    """A field with which the fault can be repaired, and by which values.

    One value: the fault rests on exactly this one. Otherwise a re-run shows whether a value repairs; under the first rubric
    only where the value is none of those declared here.
    """

    file: ArtifactName
    field: str
    low: float | None = None
    """Inclusive lower bound of a number; None: the field is a choice."""
    high: float | None = None
    choices: tuple[str | bool | None, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether only one value repairs."""
        return len(self.choices) == 1 or (self.low is not None and self.low == self.high)


class Accepted(_Value):
    """Answers that earn full points."""

    files: tuple[ArtifactName, ...]
    categories: tuple[FailureCategory, ...]
    fields: tuple[str, ...]


class Truth(_Value):
    """The planted fault and all that grading needs."""

    fault_id: str
    """``none`` for a healthy twin."""
    failure_category: FailureCategory | None
    root_cause_file: ArtifactName | None
    root_cause_field: str | None
    proposed_fix: str | None
    patch: tuple[PatchEntry, ...]
    """The repair: applied to ``pipeline`` it gives ``twin``."""
    accepted: Accepted
    safe: tuple[SafeField, ...]
    """The faulty field, then declared alternatives, each with the values that need no re-run, if any."""
    pipeline: dict[str, Any]
    """The faulty pipeline, as JSON."""
    twin: dict[str, Any]
    """The same pipeline without the fault, as JSON."""

    @property
    def planted(self) -> tuple[Truth, ...]:
        """The faults to find: this one."""
        return (self,)

    def reveal(self) -> dict[str, Any]:
        """``ground_truth`` of WIRE.md: what is shown after the end, and can be submitted as it stands."""
        return self.model_dump(
            mode="json",
            include={
                "fault_id",
                "failure_category",
                "root_cause_file",
                "root_cause_field",
                "proposed_fix",
                "patch",
                "accepted",
            },
        )


class Composition(_Value):
    """What was planted where there may be no fault, one or two, and all that grading needs."""

    faults: tuple[Truth, ...]
    """By their ids. The pipeline of each is the one that ran; its twin is the run with only the other fault, if there is one."""
    pipeline: dict[str, Any]
    """What ran, as JSON."""
    twin: dict[str, Any]
    """The same pipeline without any fault, as JSON."""

    @property
    def fault_id(self) -> str:
        """The ids of all faults in one word, such as ``bottleneck+no_scaling``; ``none`` for a healthy run."""
        return "+".join(one.fault_id for one in self.faults) or "none"

    @property
    def planted(self) -> tuple[Truth, ...]:
        return self.faults

    def reveal(self) -> dict[str, Any]:
        """``ground_truth`` of WIRE.md: each fault can be submitted as an entry as it stands."""
        return {"faults": [one.reveal() for one in self.faults]}


class Scenario(_Value):
    """What `generate` returns: evidence and truth of one training run. Plain and JSON-able."""

    generator_version: str
    task_id: TaskId
    seed: int
    """0 to 2^128 - 1."""
    evidence: Evidence
    truth: Annotated[Truth | Composition, Field(union_mode="left_to_right")]
    """A composition on the task that may plant none, one or two."""

    @property
    def only_fault(self) -> Truth:
        """The fault, on a task that plants exactly one.

        Raises:
            ValueError: the task may plant none, one or two.
        """
        if isinstance(self.truth, Truth):
            return self.truth
        raise ValueError(f"{self.task_id} plants {len(self.truth.faults)} faults, not exactly one")

    @cached_property
    def body(self) -> bytes:
        """The stored form: UTF-8 JSON in field order."""
        return self.model_dump_json().encode()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of ``body``, hex."""
        return hashlib.sha256(self.body).hexdigest()
