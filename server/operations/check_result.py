"""One thing that ``mlops-debug doctor`` looked at, and how it is told."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Verdict = Literal["good", "note", "bad"]
_MARKS: dict[Verdict, str] = {"good": "ok  ", "note": "note", "bad": "BAD "}


class CheckResult(BaseModel):
    """One thing that was looked at."""

    model_config = ConfigDict(frozen=True)

    name: str
    verdict: Verdict
    told: str
    """What is so, and what to do where it should be otherwise."""


def good(name: str, told: str) -> CheckResult:
    return CheckResult(name=name, verdict="good", told=told)


def note(name: str, told: str) -> CheckResult:
    return CheckResult(name=name, verdict="note", told=told)


def bad(name: str, told: str) -> CheckResult:
    return CheckResult(name=name, verdict="bad", told=told)


def render(found: list[CheckResult]) -> str:
    return "\n".join(f"{_MARKS[each.verdict]}  {each.name:10}{each.told}" for each in found)
