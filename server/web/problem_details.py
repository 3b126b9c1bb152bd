"""One problem object (RFC 9457): what every error is answered with."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Mapping

from domain.json import encode_json

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An answer that is an error."""

    def __init__(
        self, status: int, code: str, title: str, detail: str, extra: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        """One sentence that says what to do."""
        self.extra = extra
        """Further members of the problem object."""

    def members(self) -> dict[str, Any]:
        return {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            **self.extra,
        }

    def body(self) -> bytes:
        return encode_json(self.members())


def key_required() -> Problem:
    return Problem(
        401,
        "key_required",
        "A good API key is needed",
        "Send the key that the operator gave you as Authorization: Bearer KEY, or in the address as http://agent:KEY@host.",
    )


def forbidden(needed: str) -> Problem:
    return Problem(403, "forbidden", "The key is not for this", f"Use a key with the scope {needed}.")
