"""View models of the artifacts: each line with the step that showed it first and, after the end, whether it is faulty."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Mapping, Sequence

from domain.episode.observation import ARTIFACT_DESCRIPTIONS
from domain.scenario import Evidence
from domain.types import ARTIFACT_NAMES, ArtifactName
from server.web.pages.episode.exposure import LineExposure

_ALWAYS_CAUSES: tuple[ArtifactName, ...] = ("config.yaml", "preprocessing.py")
"""The inputs of a run: a line that differs from the twin's is the fault itself, not a consequence of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of an artifact."""

    number: int
    text: str | None
    """None: hidden from this viewer."""
    seen_at: int | None
    """The step that showed it first; None: no step did."""
    is_faulty: bool = False
    twin: str | None = None
    """The twin's text in place of a faulty line, with the lines that only the twin has after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactView:
    """One artifact."""

    name: ArtifactName
    description: str
    lines: tuple[Line, ...]
    seen_at: int | None
    """The first step that showed one of its lines; None: the agent never read it."""

    @property
    def is_faulty(self) -> bool:
        return any(line.is_faulty for line in self.lines)

    def seen_by(self, step: int) -> int:
        """Number of lines that the agent had been shown by a step."""
        return sum(1 for line in self.lines if line.seen_at is not None and line.seen_at <= step)


def build_artifact_views(
    texts: Mapping[ArtifactName, str],
    exposure: Mapping[ArtifactName, LineExposure],
    *,
    is_over: bool,
    twin: Evidence | None,
    roots: frozenset[str | None],
) -> tuple[ArtifactView, ...]:
    """Views of all artifacts; while the episode runs, with the lines that the agent was shown only. ``roots``: the files of the
    root causes."""
    return tuple(
        _build_view(
            name,
            texts[name],
            exposure[name],
            is_over=is_over,
            twin=twin.artifacts.get(name) if twin is not None and (name in _ALWAYS_CAUSES or name in roots) else None,
        )
        for name in ARTIFACT_NAMES
        if name in texts
    )


def _build_view(
    name: ArtifactName, text: str, exposure: LineExposure, *, is_over: bool, twin: str | None
) -> ArtifactView:
    lines = split_lines(text)
    faulty = {} if twin is None else faulty_lines(lines, split_lines(twin))
    return ArtifactView(
        name=name,
        description=ARTIFACT_DESCRIPTIONS[name],
        lines=tuple(
            Line(
                number=at + 1,
                text=line if is_over or exposure[at] is not None else None,
                seen_at=exposure[at],
                is_faulty=at in faulty,
                twin=faulty.get(at),
            )
            for at, line in enumerate(lines)
        ),
        seen_at=min((step for step in exposure if step is not None), default=None),
    )


def split_lines(text: str) -> list[str]:
    return text.rstrip("\n").split("\n")


def faulty_lines(lines: Sequence[str], healthy: Sequence[str]) -> dict[int, str | None]:
    """Indexes of the lines that differ from the twin's, each with the twin's text; None: the twin has no such line."""
    found: dict[int, str | None] = {}
    for tag, first, end, twin_first, twin_end in SequenceMatcher(None, lines, healthy, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        # A line that only the twin has is shown at the line before it.
        places = list(range(first, end)) or [max(first - 1, 0)]
        instead = list(healthy[twin_first:twin_end])
        for nth, place in enumerate(places):
            rest = instead[nth:] if nth == len(places) - 1 else instead[nth : nth + 1]
            found[place] = "\n".join(rest) or None
    return found
