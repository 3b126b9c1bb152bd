"""View models of the artifacts: each line with the step that showed it first and, after the end, whether it is faulty."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from types import MappingProxyType
from typing import Mapping, Sequence

from domain.episode.observation import ARTIFACT_DESCRIPTIONS
from domain.scenario import Evidence
from domain.types import ARTIFACT_NAMES, ArtifactName
from server.web.pages.episode.changes import CHANGES, Cause, DiffKind, Guilt, diff_kinds, guilty_lines
from server.web.pages.episode.exposure import LineExposure, find_field

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
    repair: str | None = None
    """What would agree with the data, where the twin has the same line."""
    kind: DiffKind = ""
    """Of a line of a diff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactView:
    """One artifact."""

    name: ArtifactName
    description: str
    lines: tuple[Line, ...]
    seen_at: int | None
    """The first step that showed one of its lines; None: the agent never read it."""
    block_steps: tuple[int, ...] = ()
    """The steps that queried a block, where reading shows the table of contents only."""
    guilt: Guilt | None = None
    """Of a diff, after the end; None: another artifact, or no fault was planted."""

    @property
    def is_faulty(self) -> bool:
        return any(line.is_faulty for line in self.lines)

    def blocks_by(self, step: int) -> int:
        """Number of queries of a block up to a step."""
        return sum(1 for each in self.block_steps if each <= step)

    def seen_by(self, step: int) -> int:
        """Number of lines that the agent had been shown by a step."""
        return sum(1 for line in self.lines if line.seen_at is not None and line.seen_at <= step)


def build_artifact_views(
    texts: Mapping[ArtifactName, str],
    exposure: Mapping[ArtifactName, LineExposure],
    *,
    is_over: bool,
    twin: Evidence | None,
    causes: Sequence[Cause],
    block_steps: Mapping[ArtifactName, tuple[int, ...]] = MappingProxyType({}),
) -> tuple[ArtifactView, ...]:
    """Views of all artifacts; while the episode runs, with the lines that the agent was shown only. ``causes``: what the root
    causes declare; nothing while the episode runs. ``block_steps``: see `ArtifactView`."""
    files = {cause.file for cause in causes}
    return tuple(
        _build_view(
            name,
            texts,
            exposure[name],
            is_over=is_over,
            twin=twin.artifacts.get(name) if twin is not None and (name in _ALWAYS_CAUSES or name in files) else None,
            causes=causes,
            block_steps=block_steps.get(name, ()),
        )
        for name in ARTIFACT_NAMES
        if name in texts
    )


def _build_view(
    name: ArtifactName,
    texts: Mapping[ArtifactName, str],
    exposure: LineExposure,
    *,
    is_over: bool,
    twin: str | None,
    causes: Sequence[Cause],
    block_steps: tuple[int, ...],
) -> ArtifactView:
    lines = split_lines(texts[name])
    faulty = {} if twin is None else faulty_lines(lines, split_lines(twin))
    repairs = declaring_lines(name, lines, causes) if twin is not None and not faulty else {}
    is_diff = name == CHANGES
    guilt = guilty_lines(lines, texts, causes) if is_diff and causes else None
    kinds = diff_kinds(lines) if is_diff else None
    return ArtifactView(
        name=name,
        description=ARTIFACT_DESCRIPTIONS[name],
        lines=tuple(
            Line(
                number=at + 1,
                text=line if is_over or exposure[at] is not None else None,
                seen_at=exposure[at],
                is_faulty=at in faulty or at in repairs or (guilt is not None and at in guilt.lines),
                twin=faulty.get(at),
                repair=repairs.get(at),
                kind=kinds[at] if kinds is not None else "",
            )
            for at, line in enumerate(lines)
        ),
        seen_at=min((step for step in (*exposure, *block_steps) if step is not None), default=None),
        block_steps=block_steps,
        guilt=guilt,
    )


def declaring_lines(name: ArtifactName, lines: Sequence[str], causes: Sequence[Cause]) -> dict[int, str | None]:
    """Indexes of the lines that declare what the root causes are about, the last of each with what would agree with the data."""
    found: dict[int, str | None] = {}
    for cause in causes:
        if cause.file != name:
            continue
        own = find_field(lines, cause.path) if name.endswith(".yaml") else _naming(lines, cause.path)
        found |= dict.fromkeys(own)
        if own:
            found[own[-1]] = cause.repair
    return found


def _naming(lines: Sequence[str], path: str) -> list[int]:
    """Lines of code that give a value to the field: named by the name of the run in its path, or else by its last name."""
    parts = path.split(".")
    for word in (*parts[1:-1], parts[-1]):
        gives = re.compile(rf"(?i)(?:^|[^a-z0-9]){re.escape(word)}[\"']?\]?(?:: \w+)?\s*[=:,]\s*[\"'\w-]")
        found = [at for at, line in enumerate(lines) if gives.search(line)]
        if found:
            return found
    return []


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
