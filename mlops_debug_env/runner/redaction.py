"""Removes secrets from what a run writes and prints: keys, authorization headers, credentials in addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

REDACTED = "[redacted]"
_MIN_SECRET_CHARACTERS = 8
"""A shorter value, such as the ``k`` that a local server takes as a key, is no secret and would be found in ordinary words."""
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@\"']+(?=@)")
_HEADER = re.compile(
    r"\b(authorization\"?\s*[:=]\s*\"?(?:\w+\s+)?|bearer\s+|api[-_]key\"?\s*[:=]\s*\"?)[^\s\"',;]+", re.IGNORECASE
)
_KEY = re.compile(r"\bsk-[A-Za-z0-9_*-]{8,}")


class Redactor:
    """Replaces known secrets everywhere, and in errors also what looks like one.

    Args:
        secrets: values that must not be written.
        addresses: URLs whose user names and passwords must not be written.
    """

    def __init__(self, secrets: Iterable[str | None] = (), *, addresses: Iterable[str | None] = ()) -> None:
        in_addresses = [found[0] for each in addresses if each and (found := _CREDENTIALS.search(each))]
        parts = [part for each in in_addresses for part in each.split(":")]
        known = [*secrets, *parts, *map(unquote, parts)]
        kept = {each for each in known if each and len(each) >= _MIN_SECRET_CHARACTERS}
        self._known = re.compile("|".join(map(re.escape, sorted(kept, key=len, reverse=True)))) if kept else None

    def text(self, text: str) -> str:
        """The text without known secrets."""
        return self._known.sub(REDACTED, text) if self._known is not None else text

    def error(self, text: str) -> str:
        """An error of another program without known secrets and without what looks like one."""
        for pattern in (_CREDENTIALS, _KEY):
            text = pattern.sub(REDACTED, text)
        return self.text(_HEADER.sub(rf"\1{REDACTED}", text).encode(errors="replace").decode())

    def value(self, value: Any) -> Any:
        """A JSON value without known secrets in any of its texts; a text that no file can hold is made one."""
        if isinstance(value, str):
            return self.text(value.encode(errors="replace").decode())
        if isinstance(value, Mapping):
            return {self.value(name): self.value(each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(each) for each in value]
        return value
