"""The result of one check of ``mlops-debug doctor``, and its text form."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Verdict = Literal["good", "note", "bad"]
"""As ``doctor --json`` prints it."""
_MARKS: dict[Verdict, str] = {"good": "ok  ", "note": "note", "bad": "BAD "}


class CheckResult(BaseModel):
    """What one check found."""

    model_config = ConfigDict(frozen=True)

    name: str
    verdict: Verdict
    message: str = Field(serialization_alias="told")
    """The state, and what to do about it."""

    @classmethod
    def ok(cls, name: str, message: str) -> CheckResult:
        """Nothing has to be done."""
        return cls(name=name, verdict="good", message=message)

    @classmethod
    def warn(cls, name: str, message: str) -> CheckResult:
        """A server can start; something should be done."""
        return cls(name=name, verdict="note", message=message)

    @classmethod
    def fail(cls, name: str, message: str) -> CheckResult:
        """A server cannot start, or not safely."""
        return cls(name=name, verdict="bad", message=message)


def render(results: list[CheckResult]) -> str:
    """One line for each result."""
    return "\n".join(f"{_MARKS[each.verdict]}  {each.name:10}{each.message}" for each in results)
