"""What an agent may ask for: the actions of one step, and the diagnosis that ends the episode."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from domain.types import FailureCategory

PatchValue = bool | int | float | str | None


class PatchEntry(BaseModel):
    """One proposed change of one field of one artifact."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    file: Annotated[str, Field(max_length=300)]
    """Artifact the field lives in, for example ``config.yaml``."""
    field: Annotated[str, Field(max_length=300)]
    """Registry name of the field, for example ``optimizer.momentum``."""
    value: PatchValue
    """The value to set; null where the field may be null."""


class Diagnosis(BaseModel):
    """The agent's final claim. A part that is null earns nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    failure_category: FailureCategory | None = None
    root_cause_file: Annotated[str, Field(max_length=300)] | None = None
    root_cause_field: Annotated[str, Field(max_length=300)] | None = None
    diagnosis: Annotated[str, Field(max_length=4000)] | None = None
    proposed_fix: Annotated[str, Field(max_length=600)] | None = None
    patch: Annotated[tuple[PatchEntry, ...], Field(min_length=1, max_length=2)] | None = None
    confidence: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """Probability in [0, 1] that category, file and field are all right; null: not stated."""
