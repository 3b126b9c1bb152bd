"""One field of one artifact: name, type, range or choices, and the value of the pipeline that it sets."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Literal

from domain.training.pipeline import FieldValue
from domain.types import ArtifactName

FieldType = Literal["number", "integer", "boolean", "choice", "text"]


class ValueOutsideFieldError(ValueError):
    """The field cannot take this value."""

    def __init__(self, spec: FieldSpec, value: object) -> None:
        super().__init__(f"{spec.field} takes {spec.domain_text()}, not {_shown(value)}")
        self.field, self.value = spec.field, value


def _shown(value: object) -> str:
    """The value as JSON, truncated, because it is the agent's and is recorded."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 40 else text[:40] + "..."


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """One field of one artifact."""

    file: ArtifactName
    field: str
    type: FieldType
    low: float | None = None
    """Inclusive; None: the type is no number."""
    high: float | None = None
    choices: tuple[str, ...] = ()
    nullable: bool = False
    attribute: str | None = None
    """Path in the pipeline, for example ``optimizer.momentum``; None: the field is measured or declared."""
    opposite: bool = False
    """The other name of a two-way choice: it has the choice that its co-field does not have."""
    aliases: tuple[str, ...] = ()
    """Further names, as lower-case words; the field's own name always counts."""
    fallback_names: tuple[str, ...] = ()
    """Functions of preprocessing.py, and everyday words, that mean this field where no field is named."""

    def to_json(self) -> dict[str, Any]:
        """The wire form, see WIRE.md."""
        body: dict[str, Any] = {"file": self.file, "field": self.field, "type": self.type}
        if self.low is not None:
            body["range"] = [self.low, self.high]
        if self.choices:
            body["choices"] = list(self.choices)
        if self.nullable:
            body["nullable"] = True
        return body

    def domain_text(self) -> str:
        """The valid values, in words."""
        match self.type:
            case "number" | "integer":
                kind = "a number" if self.type == "number" else "a whole number"
                text = f"{kind} from {self.low:g} to {self.high:g}"
            case "boolean":
                text = "true or false"
            case "choice":
                text = "one of " + ", ".join(self.choices)
            case "text":
                text = "text"
        return text + (" or null" if self.nullable else "")

    def to_pipeline(self, value: FieldValue) -> FieldValue:
        """The pipeline's value for a value of this field.

        Raises:
            ValueOutsideFieldError: the value is not in the field's range or choices.
        """
        if value is None:
            if self.nullable:
                return None
            raise ValueOutsideFieldError(self, value)
        if self.type == "boolean" and isinstance(value, bool):
            return value
        if self.type == "choice" and isinstance(value, str) and value in self.choices:
            return self.choices[1 - self.choices.index(value)] if self.opposite else value
        if self.type in ("number", "integer") and isinstance(value, (int, float)) and not isinstance(value, bool):
            return self._number(float(value))
        raise ValueOutsideFieldError(self, value)

    def _number(self, value: float) -> float | int:
        if self.low is None or self.high is None or not (math.isfinite(value) and self.low <= value <= self.high):
            raise ValueOutsideFieldError(self, value)
        if self.type == "number":
            return value
        if value != int(value):
            raise ValueOutsideFieldError(self, value)
        return int(value)

    def from_pipeline(self, value: FieldValue) -> FieldValue:
        """The inverse of `to_pipeline`."""
        if self.opposite and isinstance(value, str):
            return self.choices[1 - self.choices.index(value)]
        return value
