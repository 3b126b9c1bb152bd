"""What an agent claims about a run: a diagnosis with its patch and confidence, and what the investigation cost."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from domain.types import FailureCategory

PatchValue = bool | int | float | str | None
_BoundedPatchValue = (
    bool | Annotated[int, Field(ge=-(2**53), le=2**53)] | float | Annotated[str, Field(max_length=300)] | None
)


class PatchEntry(BaseModel):
    """One proposed change of one field of one artifact."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    file: Annotated[str, Field(max_length=300)]
    """Artifact the field lives in, for example ``config.yaml``."""
    field: Annotated[str, Field(max_length=300)]
    """Registry name of the field, for example ``optimizer.momentum``."""
    value: _BoundedPatchValue
    """The value to set; null where the field may be null. An integer beyond 2^53 is read as a float."""


class TextEdit(BaseModel):
    """One change of the text of one file, as coding agents write it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

    file: Annotated[str, Field(max_length=300)]
    """File to edit, for example ``config.yaml``."""
    find: Annotated[str, Field(min_length=1, max_length=4000)]
    """Text of the file as it is shown, which occurs in it once."""
    replace: Annotated[str, Field(max_length=4000)]
    """What stands there instead."""


Edits = (
    Annotated[tuple[TextEdit, ...], Field(min_length=1, max_length=2)]
    | Annotated[str, Field(min_length=1, max_length=8000)]
)
"""One or two edits, or a unified diff."""


TWO_FORMS_OF_THE_FIX: JsonDict = {
    "required": ["patch", "edits"],
    "properties": {name: {"not": {"type": "null"}} for name in ("patch", "edits")},
}
"""JSON Schema of what a diagnosis must not be."""


class Diagnosis(BaseModel):
    """The agent's final claim. A part that is null earns nothing."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        json_schema_extra={"not": TWO_FORMS_OF_THE_FIX},
    )

    failure_category: FailureCategory | None = None
    """By where the mistake was made. config_error: a setting in config.yaml or train.py that steers the run. data_leakage: rows
    or values of the evaluation, or known only later, reach what is trained, fitted or selected. preprocessing_bug: data are
    declared, read, split or turned into features wrongly. label_mismatch: labels, class codes or the order of classes do not
    belong to their rows or outputs. evaluation_bug: the evaluation's rows, checkpoint, mode, preparation or report.
    architecture_bug: the network or its loss. Where two are true, both count."""
    root_cause_file: Annotated[str, Field(max_length=300)] | None = None
    root_cause_field: Annotated[str, Field(max_length=300)] | None = None
    diagnosis: Annotated[str, Field(max_length=4000)] | None = None
    """What happened, in the agent's own words."""
    proposed_fix: Annotated[str, Field(max_length=600)] | None = None
    patch: Annotated[tuple[PatchEntry, ...], Field(min_length=1, max_length=2)] | None = None
    """The fix as it can be applied; it is judged by running the training again."""
    edits: Edits | None = None
    """Instead of a patch: the fix as one or two edits of the files as they are shown, or as one unified diff."""
    confidence: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """Probability in [0, 1] that category, file and field are all right; null: not stated."""

    @model_validator(mode="after")
    def _has_one_form_of_the_fix(self) -> Self:
        if self.patch is not None and self.edits is not None:
            raise ValueError("give patch or edits, not both")
        return self


def whole(value: Any) -> Any:
    """JSON Schema, and so the published one, counts 3.0 as an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WholeNumber = Annotated[int, Field(ge=0, le=2**53 - 1), BeforeValidator(whole)]


class Reported(BaseModel):
    """What a client says its investigation cost. Recorded as said: the server cannot know."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    tokens: WholeNumber | None = None
    """All tokens of the episode, read and written; null: not said."""
    cost_usd: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] | None = None
    """Null: not said."""
