"""View model of up to four episodes side by side: what was submitted and earned, then their steps in aligned rows."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import NamedTuple, Sequence

from server.web.pages.episode.grade import DiagnosisView
from server.web.pages.episode.timeline import TimelineEntry
from server.web.pages.episode.view import EpisodeView

MAX_COMPARED = 4
_Key = tuple[str, str, str | None]
_SUBMISSION: _Key = ("submit", "", None)
_PARTS = ("Category", "File", "Field", "Fix")


class AnswerCell(NamedTuple):
    """One part of a submission."""

    text: str
    mark: str
    """``full``, ``part`` or ``none``, by its points; empty: it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRow:
    """One part of the submissions of all episodes."""

    name: str
    cells: tuple[tuple[AnswerCell, ...], ...]
    """For each episode; empty: nothing was answered, or nothing may be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """The same action of the episodes that took it, or their submissions; None: the episode did not take it at this point."""

    entries: tuple[TimelineEntry | None, ...]
    is_same: bool
    """Whether all did the same."""
    is_divergence: bool
    """Whether it is the first row that is not the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two to four episodes."""

    episodes: tuple[EpisodeView, ...]
    is_same_scenario: bool | None
    """None: one of them runs or is sealed, and this is not revealed."""
    answers: tuple[AnswerRow, ...]
    rows: tuple[StepRow, ...]
    divergence: int | None
    """Number of the first row that is not the same; None: there is none."""


def compare(episodes: Sequence[EpisodeView]) -> Comparison:
    """Align the steps of episodes by their actions; two resets are the same if their tasks are."""
    aligned = align([episode.entries for episode in episodes])
    same = [len({None if entry is None else entry.comparison_key for entry in row}) == 1 for row in aligned]
    first = same.index(False) if False in same else None
    are_over = all(episode.visibility == "full" for episode in episodes)
    digests = {episode.reset.scenario_digest for episode in episodes}
    return Comparison(
        episodes=tuple(episodes),
        is_same_scenario=len(digests) == 1 if are_over else None,
        answers=_answer_rows(episodes),
        rows=tuple(StepRow(entries=row, is_same=same[at], is_divergence=at == first) for at, row in enumerate(aligned)),
        divergence=first,
    )


def align(timelines: Sequence[Sequence[TimelineEntry]]) -> list[tuple[TimelineEntry | None, ...]]:
    """Rows in which each timeline has an entry or None: entries that did the same, and submissions, share a row, and
    each timeline keeps its order."""
    keys: list[_Key] = []
    rows: list[list[TimelineEntry | None]] = []
    for count, timeline in enumerate(timelines):
        keys, rows = _with_timeline(keys, rows, timeline, count)
    return [tuple(row) for row in rows]


def _with_timeline(
    keys: list[_Key], rows: list[list[TimelineEntry | None]], timeline: Sequence[TimelineEntry], count: int
) -> tuple[list[_Key], list[list[TimelineEntry | None]]]:
    """The rows with one more column, after ``count`` others."""
    own = [_SUBMISSION if entry.kind == "submit" else entry.comparison_key for entry in timeline]
    new_keys: list[_Key] = []
    new_rows: list[list[TimelineEntry | None]] = []
    for kind, low, high, own_low, own_high in SequenceMatcher(None, keys, own, autojunk=False).get_opcodes():
        shared = timeline[own_low:own_high] if kind == "equal" else [None] * (high - low)
        new_keys += keys[low:high]
        new_rows += [[*row, entry] for row, entry in zip(rows[low:high], shared, strict=True)]
        if kind in ("insert", "replace"):
            new_keys += own[own_low:own_high]
            new_rows += [[*([None] * count), entry] for entry in timeline[own_low:own_high]]
    return new_keys, new_rows


def _answer_rows(episodes: Sequence[EpisodeView]) -> tuple[AnswerRow, ...]:
    names = (*_PARTS, "Confidence", "Words")
    rows = (AnswerRow(name=name, cells=tuple(_answered(episode, name) for episode in episodes)) for name in names)
    return tuple(row for row in rows if any(row.cells))


def _answered(episode: EpisodeView, name: str) -> tuple[AnswerCell, ...]:
    if episode.grade is None:
        return ()
    if name == _PARTS[0] and not episode.grade.entries:
        return (AnswerCell("nothing is wrong with this run", "none" if episode.grade.missed else "full"),)
    return tuple(cell for entry in episode.grade.entries for cell in _cells_of(entry, name))


def _cells_of(entry: DiagnosisView, name: str) -> tuple[AnswerCell, ...]:
    if name == "Confidence":
        return () if entry.confidence is None else (AnswerCell(f"{100 * entry.confidence:.0f} %", ""),)
    if name == "Words":
        return () if entry.reasoning is None else (AnswerCell(entry.reasoning, ""),)
    part = next(each for each in entry.parts if each.name == name)
    return tuple(AnswerCell(text, part.mark) for text in part.answered)
