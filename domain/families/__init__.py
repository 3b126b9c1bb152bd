"""Families of runs, and what each of them computes for the rest of the domain.

A family has its own data, pipeline and simulator. A stored pipeline names its family under ``family``; one that names none
is of ``single_table``, the only family of generators 1 to 4.

- `registry_of`: the fields that a diagnosis or a patch may name.
- `run_experiment`: trains a run again with a patch and another training seed.
- `single_table`: the family of `domain.training`, one table and a small network: easy and medium tasks.
- `multi_source`: the family of `domain.training.multi_source`, data of several sources: hard and expert tasks.
"""

from __future__ import annotations

from typing import Any

from domain.diagnosis import PatchEntry
from domain.experiment import ExperimentOutcome, ExperimentRejectedError, ExperimentRejection, ExperimentResult
from domain.families import multi_source, single_table
from domain.fields.registry import registry_json
from domain.scenario import Composition, Truth
from domain.training.multi_source.checks import DEFINITIONS
from domain.training.multi_source.registry import public_patterns

__all__ = [
    "FAMILIES",
    "MEASUREMENTS",
    "UnknownFamilyError",
    "experiment_outcome",
    "family_of",
    "registry_of",
    "run_experiment",
]

FAMILIES = ("single_table", "multi_source")
"""Names of the families."""
MEASUREMENTS = DEFINITIONS
"""What each number of the checks of ``multi_source`` is: check, number, words."""
_EXPERIMENT_OF_FAMILY = {"single_table": single_table.run_experiment, "multi_source": multi_source.run_experiment}


class UnknownFamilyError(LookupError):
    """The pipeline names a family that this program does not know."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown family of runs: {name!r}; this program knows {', '.join(_EXPERIMENT_OF_FAMILY)}")


def family_of(truth: Truth | Composition) -> str:
    """The name of the family that the run belongs to; raises ``UnknownFamilyError``."""
    name: str = truth.pipeline.get("family", "single_table")
    if name not in _EXPERIMENT_OF_FAMILY:
        raise UnknownFamilyError(name)
    return name


def registry_of(family: str) -> list[dict[str, Any]]:
    """``field_registry`` of the runs of a family, see WIRE.md: the same for all of its runs."""
    return registry_json() if family == "single_table" else public_patterns()


def run_experiment(truth: Truth | Composition, patch: tuple[PatchEntry, ...], number: int) -> ExperimentResult:
    """Train the run that the artifacts are of again, with a patch and another training seed.

    Args:
        truth: its ``pipeline`` is what ran.
        patch: the fields to set; empty: only the training seed differs.
        number: place among the experiments of the episode, from 1.

    Raises:
        ExperimentRejectedError: the patch cannot be trained with.
    """
    return _EXPERIMENT_OF_FAMILY[family_of(truth)](truth, patch, number)


def experiment_outcome(truth: Truth | Composition, patch: tuple[PatchEntry, ...], number: int) -> ExperimentOutcome:
    """The same as a value, also where the patch is rejected."""
    try:
        return run_experiment(truth, patch, number)
    except ExperimentRejectedError as rejected:
        return ExperimentRejection(reason=rejected.reason, text=rejected.text)
