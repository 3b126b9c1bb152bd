"""The type `Fault`: one field of the registry set to a harmful value, and the ground truth that goes with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from domain.diagnosis import PatchEntry
from domain.fields.field import FieldSpec
from domain.fields.registry import find, with_field
from domain.scenario import Accepted, SafeField, Truth
from domain.training.artifacts.code.names import renamed_constants
from domain.training.pipeline import FieldValue, Pipeline, draw_optimizer
from domain.training.randomness import Stream
from domain.types import ArtifactName, FailureCategory, TaskId


class UnknownFaultError(LookupError):
    """The catalogue has no such fault."""

    def __init__(self, fault_id: str) -> None:
        super().__init__(f"no fault is called {fault_id}")
        self.fault_id = fault_id


Severities = Callable[[Pipeline, Stream], tuple[FieldValue, ...]]
Context = Callable[[Pipeline, Stream], Pipeline]


def _as_drawn(healthy: Pipeline, draw: Stream) -> Pipeline:
    return healthy


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of the catalogue. Pure data and two pure functions of the healthy pipeline."""

    fault_id: str
    task_id: TaskId
    category: FailureCategory
    file: ArtifactName
    field: str
    """Registry name; the one field that planting changes."""
    severities: Severities
    """Values of the field, in the order they are tried: the first that a check notices is planted, else the last."""
    safe: Callable[[Pipeline], tuple[SafeField, ...]]
    """Values of the field, then of declared alternatives, that repair the run without proof by re-running."""
    proposed_fix: str
    """One sentence; ``{healthy}`` and ``{faulty}`` stand for the two values."""
    causal: frozenset[ArtifactName]
    """Every artifact that can differ from the twin's."""
    lines: tuple[str, ...]
    """Beginnings of the lines of config.yaml and preprocessing.py that planting may change."""
    signals: tuple[tuple[str, str], ...]
    """At most three numbers, (check or artifact, name), in which the fault shows."""
    sources: tuple[str, ...]
    """Where faults of this kind were observed."""
    decoys: tuple[str, ...]
    """Harmless oddities, and other faults, that it must not be confused with."""
    context: Context = _as_drawn
    """The healthy pipeline with what the fault needs to do harm; the fault is planted in it, and it is the twin."""
    look_alike: Context | None = None
    """A healthy pipeline in which the field has a harmful value's words and does no harm; None: the field has no such place."""
    also_files: tuple[ArtifactName, ...] = ()
    also_categories: tuple[FailureCategory, ...] = ()
    also_fields: tuple[str, ...] = ()

    @property
    def spec(self) -> FieldSpec:
        """The registry's entry of the field."""
        return find(self.file, self.field)

    def twin(self, healthy: Pipeline) -> Pipeline:
        """A healthy pipeline with what the fault needs to do harm."""
        return self.context(healthy, Stream(healthy.seed, f"context/{self.fault_id}"))

    def plant(self, pipeline: Pipeline, value: FieldValue) -> Pipeline:
        """The pipeline with the field set to one of the severities."""
        return with_field(pipeline, self.file, self.field, value)

    def healthy_value(self, pipeline: Pipeline) -> FieldValue:
        """The field's value before planting, in the registry's words."""
        attribute = self.spec.attribute
        return None if attribute is None else self.spec.from_pipeline(pipeline.value(attribute))

    def truth(self, healthy: Pipeline, value: FieldValue) -> Truth:
        """The ground truth after planting `value`."""
        before = self.healthy_value(healthy)
        return Truth(
            fault_id=self.fault_id,
            failure_category=self.category,
            root_cause_file=self.file,
            root_cause_field=self.field,
            proposed_fix=renamed_constants(
                self.proposed_fix.format(healthy=_in_words(before), faulty=_in_words(value)), healthy.style.names
            ),
            patch=(PatchEntry(file=self.file, field=self.field, value=before),),
            accepted=Accepted(
                files=(self.file, *self.also_files),
                categories=(self.category, *self.also_categories),
                fields=(self.field, *self.also_fields),
            ),
            safe=self.safe(healthy),
            pipeline=self.plant(healthy, value).to_json(),
            twin=healthy.to_json(),
        )


def _in_words(value: FieldValue) -> FieldValue:
    """As config.yaml spells it."""
    return "null" if value is None else value


def step_size(healthy: Pipeline) -> float:
    """How far a run moves in the long run, in gradients a step: what learning rate and momentum do together."""
    optimizer = healthy.optimizer
    return optimizer.learning_rate / (1.0 - optimizer.momentum)


def with_sgd(healthy: Pipeline, draw: Stream) -> Pipeline:
    """The pipeline with SGD, whose steps follow the size of the gradient."""
    if healthy.optimizer.name == "sgd":
        return healthy
    return replace(
        healthy,
        optimizer=draw_optimizer(draw, "sgd"),
        training=replace(healthy.training, gradient_clip_norm=None),
    )


def with_adam(healthy: Pipeline, draw: Stream) -> Pipeline:
    """The pipeline with Adam, which ignores momentum and the size of the gradient."""
    return healthy if healthy.optimizer.name == "adam" else replace(healthy, optimizer=draw_optimizer(draw, "adam"))
