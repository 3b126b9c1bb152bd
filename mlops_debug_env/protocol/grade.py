"""What a diagnosis was graded with and against, as the server answers it after the end."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from mlops_debug_env.protocol.actions import PatchEntry
from mlops_debug_env.protocol.types import ArtifactName, FailureCategory


class Shape(BaseModel):
    """A part of an answer. A key that a newer server adds is overlooked; today's server sends no other, and its schema says so."""

    model_config = ConfigDict(extra="ignore", frozen=True, json_schema_extra={"additionalProperties": False})


class Part(Shape):
    """Points of one criterion."""

    awarded: float
    possible: float


class FixPart(Part):
    """Points of the proposed fix, with what was read and how it was judged."""

    read_as: tuple[PatchEntry, ...]
    """The patch that was judged: the agent's own, or what was read from its words; empty: nothing readable."""
    verdict: str


class Penalty(Shape):
    """Points taken off, and why."""

    reason: str
    amount: float
    """Negative."""


class _Parts(Shape):
    failure_category: Part
    root_cause_file: Part
    root_cause_field: Part
    proposed_fix: FixPart

    @property
    def names_the_cause(self) -> bool:
        """Whether category, file and field earned full points: what a confidence is about."""
        parts = (self.failure_category, self.root_cause_file, self.root_cause_field)
        return all(part.awarded == part.possible for part in parts)


class Breakdown(_Parts):
    """Where the score comes from."""

    penalties: tuple[Penalty, ...]

    @property
    def is_right(self) -> bool:
        """Whether the diagnosis named the cause."""
        return self.names_the_cause

    @property
    def is_borne_out(self) -> bool:
        """The outcome that a stated confidence is scored against."""
        return self.names_the_cause

    @property
    def entries(self) -> tuple[Breakdown]:
        """What was graded: this one diagnosis."""
        return (self,)


class GradedEntry(_Parts):
    """One entry of a diagnosis of none, one or two faults, graded against the fault it was matched with."""

    fault_id: str | None
    """Null: it matches none of those that were planted."""


class ComposedBreakdown(Shape):
    """Where the score comes from where none, one or two faults may be planted."""

    entries: tuple[GradedEntry, ...]
    """In the order they were submitted."""
    missed: tuple[str, ...]
    """The planted faults that no entry was matched with."""
    penalties: tuple[Penalty, ...]

    @property
    def is_right(self) -> bool:
        """Whether every fault was named, and nothing else was."""
        return not self.missed and all(one.fault_id is not None and one.names_the_cause for one in self.entries)

    @property
    def is_borne_out(self) -> bool:
        """The outcome that a stated confidence is scored against: of a single entry its own, whatever faults are missed."""
        return self.entries[0].names_the_cause if len(self.entries) == 1 else self.is_right


class Accepted(Shape):
    """Answers that earn full points."""

    files: tuple[ArtifactName, ...]
    categories: tuple[FailureCategory, ...]
    fields: tuple[str, ...]


class GroundTruth(Shape):
    """What was planted; shown after the end. Without fault_id and accepted it can be submitted as it stands."""

    fault_id: str
    failure_category: FailureCategory | None
    root_cause_file: ArtifactName | None
    root_cause_field: str | None
    proposed_fix: str | None
    patch: tuple[PatchEntry, ...]
    accepted: Accepted

    @property
    def faults(self) -> tuple[GroundTruth]:
        """What was planted: this one fault."""
        return (self,)


class GroundTruths(Shape):
    """What was planted on the expert task: none, one or two, each of which can be submitted as an entry."""

    faults: tuple[GroundTruth, ...]

    @property
    def fault_id(self) -> str:
        """The ids of all faults in one word, such as ``bottleneck+no_scaling``; ``none`` for a healthy run."""
        return "+".join(one.fault_id for one in self.faults) or "none"
