"""Which parameters an endpoint takes, as learnt from what it refuses.

Rule: only what was sent with a refused call is left out later; a refusal never brings back what another one ruled out, so calls that
are refused at the same time do not undo each other.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import openai

_REFUSALS = (
    "unsupported",
    "not support",
    "unrecognized",
    "unknown",
    "unexpected",
    "not permitted",
    "not allowed",
    "instead",
)
_OPTIONAL = ("max_completion_tokens", "max_tokens", "temperature")


@dataclass(frozen=True, slots=True)
class Dialect:
    """The parameters that are sent beside model, messages and tools."""

    limit_names: tuple[str, ...]
    """Names of the bound on an answer that were not refused; the first is used. Empty: the bound is left out."""
    takes_temperature: bool = True

    def parameters(self, *, max_output_tokens: int, temperature: float | None) -> dict[str, Any]:
        """The parameters of a call."""
        limits = {self.limit_names[0]: max_output_tokens} if self.limit_names else {}
        is_set = temperature is not None and self.takes_temperature
        return limits | ({"temperature": temperature} if is_set else {})

    def without(self, refused: str) -> Dialect:
        """The dialect without a parameter."""
        if refused == "temperature":
            return replace(self, takes_temperature=False)
        return replace(self, limit_names=tuple(each for each in self.limit_names if each != refused))


def refused_parameter(error: openai.BadRequestError, sent: Collection[str]) -> str | None:
    """The optional parameter that a 400 refuses, out of those that were sent; None: it is about something else."""
    candidates = [each for each in _OPTIONAL if each in sent]
    if error.param in candidates and (error.code or "").startswith(("unsupported", "unknown")):
        return error.param
    text = str(error).lower()
    if not any(each in text for each in _REFUSALS):
        return None
    named = [each for each in candidates if re.search(rf"\b{each}\b", text)]
    # "'max_tokens' is not supported, use 'max_completion_tokens'": what comes first is what is refused.
    return min(named, key=text.index, default=None)
