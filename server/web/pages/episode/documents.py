"""Single values of the artifacts, each with the step that showed it first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from domain.episode.query import MISSING, parse_document, query_document
from domain.types import ArtifactName
from server.web.pages.episode.exposure import LineExposure, find_field
from server.web.pages.formatting import NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One value."""

    text: str
    seen_at: int | None
    """The step that showed it first; None: no step did."""


EMPTY = Cell(text=NONE, seen_at=None)
"""There is no such value, or this viewer may not see it."""


class Documents:
    """The artifacts of a scenario as documents, for one viewer: while the episode runs, a value is there once a step showed it."""

    def __init__(
        self, texts: Mapping[ArtifactName, str], exposure: Mapping[ArtifactName, LineExposure], *, is_over: bool
    ) -> None:
        self._exposure, self.is_over = exposure, is_over
        self._lines = {name: text.rstrip("\n").split("\n") for name, text in texts.items()}
        self._parsed = {name: parse_document(name, text) for name, text in texts.items()}

    def cell(self, artifact: ArtifactName, path: str) -> Cell:
        """The value at a path."""
        value, seen_at = self._find(artifact, path)
        return EMPTY if value is MISSING else Cell(text=format_plain(value), seen_at=seen_at)

    def value(self, artifact: ArtifactName, path: str) -> Any:
        """The same, as it was parsed; ``MISSING``: there is none, or this viewer may not see it."""
        return self._find(artifact, path)[0]

    def keys(self, artifact: ArtifactName, path: str) -> tuple[str, ...]:
        """The names of the entries at a path of which this viewer may see a part."""
        found = query_document(self._parsed.get(artifact, MISSING), path)
        if not isinstance(found, dict):
            return ()
        return tuple(name for name in found if self.is_over or self._is_seen(artifact, f"{path}.{name}"))

    def _is_seen(self, artifact: ArtifactName, path: str) -> bool:
        exposure = self._exposure[artifact]
        return any(exposure[at] is not None for at in find_field(self._lines[artifact], path))

    def _find(self, artifact: ArtifactName, path: str) -> tuple[Any, int | None]:
        value = query_document(self._parsed.get(artifact, MISSING), path)
        if value is MISSING:
            return MISSING, None
        steps = [self._exposure[artifact][at] for at in find_field(self._lines[artifact], path)]
        known = [step for step in steps if step is not None]
        # A value on several lines is seen once its last line is.
        seen_at = max(known) if known and len(known) == len(steps) else None
        return (value, seen_at) if self.is_over or seen_at is not None else (MISSING, None)


def format_plain(value: Any) -> str:
    """A value in one line of text."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {format_plain(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(format_plain, value))
    return str(value)
