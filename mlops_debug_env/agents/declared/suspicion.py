"""A declaration that the measurements contradict, and where its answer goes: file and category by the form of its path."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import NamedTuple

from mlops_debug_env.agents.declared.settings import Value
from mlops_debug_env.protocol.actions import Diagnosis, PatchEntry
from mlops_debug_env.protocol.types import ArtifactName, FailureCategory

_FORMS: tuple[tuple[str, ArtifactName, FailureCategory], ...] = (
    (r"sources\.[^.]+\.columns\..*", "data_sources.yaml", "preprocessing_bug"),
    (r"sources\.[^.]+\.label_map", "data_sources.yaml", "label_mismatch"),
    (r"sources\.[^.]+\.used_until", "data_sources.yaml", "label_mismatch"),
    (r"sources\.[^.]+\.deduplicate", "data_sources.yaml", "data_leakage"),
    (r"sources\..*", "data_sources.yaml", "preprocessing_bug"),
    (r"join\.keys", "data_sources.yaml", "data_leakage"),
    (r"join\.how", "data_sources.yaml", "preprocessing_bug"),
    (r"labels\..*", "data_sources.yaml", "label_mismatch"),
    (r"features\..*|split\..*", "preprocessing.py", "data_leakage"),
    (r"imputer\..*", "preprocessing.py", "preprocessing_bug"),
    (r"evaluation\.label_order", "preprocessing.py", "label_mismatch"),
    (r"evaluation\..*", "preprocessing.py", "evaluation_bug"),
    (r"loader\..*", "train.py", "config_error"),
    (r"class_weights\.order", "train.py", "label_mismatch"),
    (r"loss\..*", "train.py", "architecture_bug"),
    (r".*", "config.yaml", "config_error"),
)
"""Form of a path, the file that declares it, and what kind of failure a wrong value is."""


class Suspicion(NamedTuple):
    """One declaration that seems wrong."""

    path: str
    value: Value
    """What would agree with the measurements."""
    strength: float
    """How far the contradiction goes; 1: as far as it seldom does by chance."""
    source: str = ""
    """The source that it is about; empty: none."""

    @property
    def kind(self) -> str:
        """The path without the names of sources and columns."""
        parts = self.path.split(".")
        return ".".join((parts[0], parts[-1], str(len(parts))))

    def to_diagnosis(self, confidence: float) -> Diagnosis:
        """The suspicion as an answer."""
        file, category = place_of(self.path)
        shown = (
            "null" if self.value is None else json.dumps(self.value) if not isinstance(self.value, str) else self.value
        )
        return Diagnosis(
            failure_category=category,
            root_cause_file=file,
            root_cause_field=self.path,
            diagnosis=f"{self.path} of {file} does not agree with what was measured in the data.",
            proposed_fix=f"Set {self.path} to {shown}.",
            patch=(PatchEntry(file=file, field=self.path, value=self.value),),
            confidence=confidence,
        )


def place_of(path: str) -> tuple[ArtifactName, FailureCategory]:
    """The file that declares a path, and the category of a wrong value."""
    return next((file, category) for form, file, category in _FORMS if re.fullmatch(form, path))


def strongest(suspicions: Iterable[Suspicion]) -> list[Suspicion]:
    """The strongest one of each path, the strongest path first."""
    best: dict[str, Suspicion] = {}
    for each in suspicions:
        if math.isnan(each.strength):
            continue
        if each.path not in best or each.strength > best[each.path].strength:
            best[each.path] = each
    return sorted(best.values(), key=lambda each: -each.strength)
