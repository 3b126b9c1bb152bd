"""The editable files of a run, and the declarations that stand in them, alike for both families.

A declaration is a field of the registry that can be set. Its value is in the registry's words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, Protocol

from domain.fields.field import ValueOutsideFieldError
from domain.fields.registry import REGISTRY
from domain.scenario import Composition, Truth
from domain.training import artifacts as single_table
from domain.training.multi_source import artifacts as multi_source
from domain.training.multi_source import registry
from domain.training.multi_source.case import FAMILY, State
from domain.training.pipeline import FieldValue, Pipeline
from domain.types import ArtifactName


class Declaration(NamedTuple):
    """A field as the registry names it."""

    file: ArtifactName
    field: str


class WrittenRun(Protocol):
    """What a run declares and how its files say it. Knows nothing of what is wrong."""

    def __hash__(self) -> int:
        """By identity: what was found out about a run is cached with it."""

    @property
    def files(self) -> tuple[ArtifactName, ...]:
        """Those that a fix can edit."""

    @property
    def declarations(self) -> Mapping[Declaration, FieldValue]:
        """Every declaration and its present value."""

    def text(self, file: ArtifactName) -> str:
        """A file as it is shown."""

    def standing_in(self, file: ArtifactName) -> tuple[Declaration, ...]:
        """The declarations that the text of a file depends on."""

    def choices(self, declaration: Declaration) -> tuple[FieldValue, ...]:
        """Every value that it can take; empty: a number, or a text of its own form."""

    def is_number(self, declaration: Declaration) -> bool: ...

    def is_nullable(self, declaration: Declaration) -> bool: ...

    def checked(self, declaration: Declaration, value: object) -> FieldValue:
        """The value as the registry writes it; raises ``ValueError``."""

    def rendered(self, file: ArtifactName, changes: Mapping[Declaration, FieldValue]) -> str:
        """The file with other declarations."""


@lru_cache(maxsize=64)
def _run_of(body: str) -> WrittenRun:
    pipeline: dict[str, Any] = json.loads(body)
    if pipeline.get("family") == FAMILY:
        return MultiSourceRun(State.from_json(pipeline))
    return SingleTableRun(Pipeline.from_json(pipeline))


class _Same:
    """A pipeline as the key of a cache, by identity: to hash what it contains takes longer than a step. The cache keeps it alive."""

    __slots__ = ("pipeline",)

    def __init__(self, pipeline: Mapping[str, Any]) -> None:
        self.pipeline = pipeline

    def __hash__(self) -> int:
        return id(self.pipeline)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.pipeline is self.pipeline


@lru_cache(maxsize=64)
def _run_of_same(same: _Same) -> WrittenRun:
    return _run_of(json.dumps(same.pipeline))


def run_of(truth: Truth | Composition) -> WrittenRun:
    """The run that was investigated; the latest are cached with what was found out about their files."""
    return _run_of_same(_Same(truth.pipeline))


_SPECS = {Declaration(spec.file, spec.field): spec for spec in REGISTRY if spec.attribute is not None}
_SHOWN_ELSEWHERE: Mapping[ArtifactName, tuple[str, ...]] = {
    "preprocessing.py": ("metrics.val_accuracy", "training.seed"),
}
"""Fields of other files that stand in a file, too."""


@dataclass(frozen=True, eq=False)
class SingleTableRun:
    """A run of `domain.training`."""

    pipeline: Pipeline

    @property
    def files(self) -> tuple[ArtifactName, ...]:
        return ("config.yaml", "preprocessing.py")

    @cached_property
    def declarations(self) -> Mapping[Declaration, FieldValue]:
        return {one: spec.from_pipeline(self.pipeline.value(str(spec.attribute))) for one, spec in _SPECS.items()}

    def text(self, file: ArtifactName) -> str:
        return self._texts[file]

    @cached_property
    def _texts(self) -> dict[ArtifactName, str]:
        return {file: self.rendered(file, {}) for file in self.files}

    def standing_in(self, file: ArtifactName) -> tuple[Declaration, ...]:
        also = _SHOWN_ELSEWHERE.get(file, ())
        return tuple(one for one in _SPECS if one.file == file or one.field in also)

    def choices(self, declaration: Declaration) -> tuple[FieldValue, ...]:
        spec = _SPECS[declaration]
        return (True, False) if spec.type == "boolean" else spec.choices

    def is_number(self, declaration: Declaration) -> bool:
        return _SPECS[declaration].type in ("number", "integer")

    def is_nullable(self, declaration: Declaration) -> bool:
        return _SPECS[declaration].nullable

    def checked(self, declaration: Declaration, value: object) -> FieldValue:
        if not isinstance(value, (bool, int, float, str, type(None))):
            raise ValueOutsideFieldError(_SPECS[declaration], value)
        spec = _SPECS[declaration]
        return spec.from_pipeline(spec.to_pipeline(value))

    def rendered(self, file: ArtifactName, changes: Mapping[Declaration, FieldValue]) -> str:
        pipeline = self.pipeline
        for declaration, value in changes.items():
            spec = _SPECS[declaration]
            pipeline = pipeline.with_value(str(spec.attribute), spec.to_pipeline(value))
        if file == "config.yaml":
            return single_table.render_config(pipeline, single_table.draw_cosmetics(pipeline.seed))
        return single_table.render_code(pipeline)


_RENDERERS: Mapping[ArtifactName, Callable[[State], str]] = {
    "config.yaml": multi_source.render_config,
    "data_sources.yaml": multi_source.render_sources,
    "preprocessing.py": multi_source.render_code,
    "train.py": multi_source.render_train,
}


@dataclass(frozen=True, eq=False)
class MultiSourceRun:
    """A run of `domain.training.multi_source`."""

    state: State

    @property
    def files(self) -> tuple[ArtifactName, ...]:
        return tuple(_RENDERERS)

    @cached_property
    def declarations(self) -> Mapping[Declaration, FieldValue]:
        return {Declaration(registry.file_of(path), path): value for path, value in self.state.declared.items()}

    def text(self, file: ArtifactName) -> str:
        return self._texts[file]

    @cached_property
    def _texts(self) -> dict[ArtifactName, str]:
        return {file: self.rendered(file, {}) for file in self.files}

    def standing_in(self, file: ArtifactName) -> tuple[Declaration, ...]:
        return tuple(one for one in self.declarations if one.file == file)

    def choices(self, declaration: Declaration) -> tuple[FieldValue, ...]:
        pattern = self._spec(declaration).pattern
        if pattern.field == "evaluation.sources":
            return ("all", *self.state.layout.source_names)
        if pattern.type == "boolean":
            return (True, False)
        return (*pattern.choices, None) if pattern.choices and pattern.nullable else pattern.choices

    def is_number(self, declaration: Declaration) -> bool:
        return self._spec(declaration).pattern.type in ("number", "integer")

    def is_nullable(self, declaration: Declaration) -> bool:
        return self._spec(declaration).pattern.nullable

    def checked(self, declaration: Declaration, value: object) -> FieldValue:
        return self._spec(declaration).check(value, self.state.layout)

    def _spec(self, declaration: Declaration) -> registry.Spec:
        return registry.resolve(self.state.layout, *declaration)

    def rendered(self, file: ArtifactName, changes: Mapping[Declaration, FieldValue]) -> str:
        return _RENDERERS[file](self.state.declaring({one.field: value for one, value in changes.items()}))


__all__ = ["Declaration", "MultiSourceRun", "SingleTableRun", "WrittenRun", "run_of"]
