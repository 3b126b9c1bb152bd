"""The record of a socket for OpenEnv's validator: what it asked for and was answered, in its own words.

Rule 1: it is kept only where the operator gave the server a token, and the socket showed it before anything else. Rule 2: it
has nothing that the socket was not sent. Rule 3: it is bounded, and says so where it is cut off.
"""

from __future__ import annotations

import secrets
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_core import from_json, to_json

from server.web.problem_details import Problem, ProblemType

SCHEMA_VERSION = 1
MAX_RECORDS = 202
MAX_BYTES = 8 * 2**20
RECORDED = ("reset", "step", "state")
_REFUSED = ProblemType(
    "invalid", 422, "No validation here", "Send validation_open with the server's token before anything else."
)


class _Frame(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _OpenData(_Frame):
    schema_version: Literal[1]
    token: SecretStr = Field(min_length=32, max_length=256)


class _ReadData(_Frame):
    schema_version: Literal[1]
    capability: SecretStr = Field(min_length=32, max_length=256)


class OpenFrame(_Frame):
    """Begins the record."""

    type: Literal["validation_open"]
    data: _OpenData


class ReadFrame(_Frame):
    """Asks for the record so far."""

    type: Literal["validation_read"]
    data: _ReadData


class ValidationRecord:
    """The record of one socket."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._capability: str | None = None
        """None: the record was not begun."""
        self._has_played = False
        self._records: list[dict[str, Any]] = []
        self._bytes = 0
        self._reason: str | None = None
        """Why the record is cut off; None: it is whole."""
        self._seed: dict[str, Any] | None = None

    def answer(self, frame: OpenFrame | ReadFrame) -> bytes:
        """The answer to a frame; raises ``Problem``, which says nothing of what was sent."""
        if isinstance(frame, OpenFrame):
            return self._open(frame.data.token.get_secret_value())
        if self._capability is None or not _is_same(self._capability, frame.data.capability.get_secret_value()):
            raise refused()
        return to_json({"type": "validation", "data": self._snapshot()})

    def append(self, operation: str, request: str | bytes, answer: bytes) -> None:
        """Record an exchange that was no error."""
        self._has_played = True
        if self._capability is None or self._reason is not None:
            return
        self._bytes += len(request) + len(answer)
        if self._bytes > MAX_BYTES or len(self._records) >= MAX_RECORDS:
            self._reason = "the record is full"
            return
        sent = from_json(request)
        self._records.append({"operation": operation, "request": sent, "response": from_json(answer)})
        if operation == "reset":
            wanted = sent.get("data") or {}
            is_given = wanted.get("seed") is not None
            is_taken = is_given and wanted.get("index") is None
            self._seed = {"requested": is_given, "value": wanted.get("seed"), "accepted": is_taken}

    def _open(self, token: str) -> bytes:
        if self._capability is not None or self._has_played or not _is_same(self._token, token):
            raise refused()
        self._capability = secrets.token_urlsafe(32)
        data = {"schema_version": SCHEMA_VERSION, "capability": self._capability}
        return to_json({"type": "validation_open", "data": data})

    def _snapshot(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "seed": self._seed,
            "rubric": [],  # the manifest declares no tree of rubrics
            "rubric_error": None,
            "attribution": [],
            "trajectory": {
                "schema_version": SCHEMA_VERSION,
                "source": "openenv-server",
                "records": self._records,
                "complete": self._reason is None,
                "reason": self._reason,
            },
        }


def refused() -> Problem:
    """The answer where there is no record for this socket."""
    return _REFUSED.problem({"errors": []})


def _is_same(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode(), other.encode())
