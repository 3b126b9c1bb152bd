"""The six artifacts beside a timeline: every line with the step that showed it first, and after the end the faulty ones."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Mapping, Sequence

from domain.episode.evidence import ARTIFACT_DESCRIPTIONS
from domain.scenario import Evidence
from domain.types import ARTIFACT_NAMES, ArtifactName
from server.web.pages.episode.exposure import FirstSeen

_ALWAYS_CAUSES: tuple[ArtifactName, ...] = ("config.yaml", "preprocessing.py")
"""What a run was started with: a line that differs from the twin's is the fault itself, not a consequence of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of an artifact."""

    number: int
    text: str | None
    """Null: not shown to this viewer."""
    seen_at: int | None
    """The step that showed it first; null: none."""
    is_faulty: bool = False
    twin: str | None = None
    """What the healthy twin has in place of a faulty line, with the lines that follow it only there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactShown:
    """One artifact."""

    name: ArtifactName
    description: str
    lines: tuple[Line, ...]
    seen_at: int | None
    """The step that showed its first line; null: unread to the end."""

    @property
    def is_faulty(self) -> bool:
        return any(line.is_faulty for line in self.lines)

    def seen_by(self, step: int) -> int:
        """How many of its lines had been shown."""
        return sum(1 for line in self.lines if line.seen_at is not None and line.seen_at <= step)


def show_artifacts(
    evidence: Evidence,
    seen: Mapping[ArtifactName, FirstSeen],
    *,
    is_over: bool,
    twin: Evidence | None,
    roots: frozenset[str | None],
) -> tuple[ArtifactShown, ...]:
    """All artifacts. While the episode runs only lines that the agent was shown; ``roots``: the files of the root causes."""
    return tuple(
        _show(
            name,
            evidence.artifacts[name],
            seen[name],
            is_over=is_over,
            twin=twin.artifacts[name] if twin is not None and (name in _ALWAYS_CAUSES or name in roots) else None,
        )
        for name in ARTIFACT_NAMES
    )


def _show(name: ArtifactName, text: str, seen: FirstSeen, *, is_over: bool, twin: str | None) -> ArtifactShown:
    lines = split_lines(text)
    faulty = {} if twin is None else faulty_lines(lines, split_lines(twin))
    return ArtifactShown(
        name=name,
        description=ARTIFACT_DESCRIPTIONS[name],
        lines=tuple(
            Line(
                number=at + 1,
                text=line if is_over or seen[at] is not None else None,
                seen_at=seen[at],
                is_faulty=at in faulty,
                twin=faulty.get(at),
            )
            for at, line in enumerate(lines)
        ),
        seen_at=min((step for step in seen if step is not None), default=None),
    )


def split_lines(text: str) -> list[str]:
    return text.rstrip("\n").split("\n")


def faulty_lines(lines: Sequence[str], healthy: Sequence[str]) -> dict[int, str | None]:
    """Places of the lines that differ from the twin's, with what the twin has there; null: nothing more to show."""
    found: dict[int, str | None] = {}
    for tag, first, end, twin_first, twin_end in SequenceMatcher(None, lines, healthy, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        # A line that only the twin has is told at the line it would follow.
        places = list(range(first, end)) or [max(first - 1, 0)]
        instead = list(healthy[twin_first:twin_end])
        for nth, place in enumerate(places):
            rest = instead[nth:] if nth == len(places) - 1 else instead[nth : nth + 1]
            found[place] = "\n".join(rest) or None
    return found
