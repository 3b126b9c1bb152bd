"""changes.diff: every change of a declaration since the last good run, one named commit each, as unified diffs.

The patches apply one after the other to the texts of the last good run and give those of this one.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Callable, Mapping, NamedTuple

from domain.training.multi_source.agreements import choice_of
from domain.training.multi_source.artifacts.code import render_code
from domain.training.multi_source.artifacts.config import render_config
from domain.training.multi_source.artifacts.cosmetics import COMMIT_DAYS
from domain.training.multi_source.artifacts.messages import AUTHORS, message, remark
from domain.training.multi_source.artifacts.sources import render_sources
from domain.training.multi_source.artifacts.style import Style, draw_style
from domain.training.multi_source.artifacts.training import render_train
from domain.training.multi_source.case import Case, State
from domain.training.multi_source.registry import file_of
from domain.training.randomness import Stream
from domain.types import ArtifactName

RENDERERS: Mapping[ArtifactName, Callable[[State, Style], str]] = {
    "config.yaml": render_config,
    "data_sources.yaml": render_sources,
    "preprocessing.py": render_code,
    "train.py": render_train,
}
"""The texts that declare something."""
SEED = "training.seed"
_CONTEXT = 3
_DAY, _OPENS, _CLOSES = 24 * 3600, 8 * 3600, 18 * 3600
"""In seconds: a day, and from when to when commits are made."""
_ZONE = "+0100"


class _Commit(NamedTuple):
    number: str
    """40 hexadecimal digits."""
    author: str
    date: str
    """Day and time."""
    message: str
    remark: str
    """Empty, or what stands below the message."""


def render_changes(case: Case, style: Style | None = None) -> str:
    """The text of changes.diff."""
    return render_declared(case, style)["changes.diff"]


def render_declared(case: Case, style: Style | None = None) -> dict[ArtifactName, str]:
    """The texts that declare something, and changes.diff, whose last commits have given most of them."""
    style = style or draw_style(case.now.seed, case.now.split)
    layout = case.now.layout
    draw = Stream(layout.seed, "commits")
    order = list(case.changed)
    order.insert(draw.integer(0, len(order)), SEED)
    words = draw.raw(5 * len(order)).tolist()
    first, last = COMMIT_DAYS
    # Seconds of the month: in the hours of an office.
    times = sorted(
        (first + int(word) % (last - first + 1)) * _DAY + _OPENS + (int(word) >> 32) % (_CLOSES - _OPENS)
        for word in words[: len(order)]
    )
    numbers = [f"{one:016x}{two:016x}{three:016x}"[:40] for one, two, three in _threes(words[2 * len(order) :])]
    state, texts, lines = case.before, dict[ArtifactName, str](), []
    for path, time, word, number in zip(order, times, words[len(order) : 2 * len(order)], numbers, strict=True):
        file = file_of(path)
        known = texts.get(file) or RENDERERS[file](state, style)
        state = state.declaring({path: case.now.declared[path]})
        texts[file] = RENDERERS[file](state, style)
        hunks = unified(known, texts[file], file)
        if not hunks:
            continue
        authors = AUTHORS[case.now.split]
        commit = _Commit(
            number,
            authors[(word & 0xFFFF) % len(authors)],
            f"{layout.months[-1]}-{time // _DAY:02d} {time % _DAY // 3600:02d}:{time // 60 % 60:02d}:{time % 60:02d}",
            message(path, choice_of(path, layout), case.now.declared[path], (word >> 16) & 0xFFFF, style),
            remark((word >> 32) & 0xFFFF, authors[((word & 0xFFFF) + 1) % len(authors)]),
        )
        lines += [*_head(commit, file, style), *hunks, ""]
    for file, render in RENDERERS.items():
        if file not in texts:
            texts[file] = render(state, style)
    return {**texts, "changes.diff": "\n".join(lines)}


def _threes(words: list[int]) -> list[tuple[int, int, int]]:
    return list(zip(words[::3], words[1::3], words[2::3], strict=True))


def _head(commit: _Commit, file: str, style: Style) -> list[str]:
    mail = commit.author.lower().replace(" ", ".")
    compared = f"diff --git a/{file} b/{file}"
    match style["diff.head"]:
        case "patch":
            return [
                f"From {commit.number} Mon Sep 17 00:00:00 2001",
                f"From: {commit.author} <{mail}@example.org>",
                f"Date: {commit.date} {_ZONE}",
                f"Subject: [PATCH] {commit.message}",
                "",
                *([commit.remark, ""] if commit.remark else []),
                compared,
            ]
        case "short":
            return [f"# {commit.number[:9]} {commit.date} {commit.author}: {commit.message}"]
        case "fields":
            return [
                f"changeset: {commit.number[:12]}",
                f"user:      {commit.author} <{mail}@example.org>",
                f"date:      {commit.date} {_ZONE}",
                f"summary:   {commit.message}",
                "",
            ]
    return [
        f"commit {commit.number}",
        f"Author: {commit.author} <{mail}@example.org>",
        f"Date:   {commit.date} {_ZONE}",
        "",
        f"    {commit.message}",
        *(["", f"    {commit.remark}"] if commit.remark else []),
        "",
        compared,
    ]


def unified(before: str, after: str, file: str) -> list[str]:
    """The lines of a unified diff of two texts; none where they are equal."""
    if before == after:
        return []
    old, new = before.splitlines(), after.splitlines()
    lines = [f"--- a/{file}", f"+++ b/{file}"]
    for group in _groups(_operations(old, new)):
        first, last = group[0], group[-1]
        lines.append(f"@@ -{_span(first[1], last[2])} +{_span(first[3], last[4])} @@")
        for tag, a, b, c, d in group:
            if tag == "equal":
                lines += [f" {line}" for line in old[a:b]]
            else:
                lines += [*(f"-{line}" for line in old[a:b]), *(f"+{line}" for line in new[c:d])]
    return lines


_Operation = tuple[str, int, int, int, int]


def _operations(old: list[str], new: list[str]) -> list[_Operation]:
    """As `SequenceMatcher.get_opcodes`, which looks only at what is between the equal beginnings and ends."""
    shorter = min(len(old), len(new))
    start = next((place for place in range(shorter) if old[place] != new[place]), shorter)
    rest = shorter - start
    end = next((place for place in range(rest) if old[-1 - place] != new[-1 - place]), rest)
    middle = SequenceMatcher(None, old[start : len(old) - end], new[start : len(new) - end], autojunk=False)
    found = [(tag, a + start, b + start, c + start, d + start) for tag, a, b, c, d in middle.get_opcodes()]
    head = [("equal", 0, start, 0, start)] if start else []
    tail = [("equal", len(old) - end, len(old), len(new) - end, len(new))] if end else []
    return [*head, *found, *tail]


def _groups(operations: list[_Operation]) -> list[list[_Operation]]:
    """Operations by hunk, equal parts cut down to the context."""
    groups: list[list[_Operation]] = [[]]
    for place, (tag, a, b, c, d) in enumerate(operations):
        if tag != "equal":
            groups[-1].append((tag, a, b, c, d))
            continue
        is_first, is_last = place == 0, place == len(operations) - 1
        if not (is_first or is_last) and b - a <= 2 * _CONTEXT:
            groups[-1].append((tag, a, b, c, d))
            continue
        if not is_first:
            groups[-1].append((tag, a, min(b, a + _CONTEXT), c, min(d, c + _CONTEXT)))
        if not is_last:
            if not is_first:
                groups.append([])
            groups[-1].append((tag, max(a, b - _CONTEXT), b, max(c, d - _CONTEXT), d))
    return groups


def _span(start: int, stop: int) -> str:
    """First line and number of lines; the line before, where there are none."""
    count = stop - start
    return f"{start + 1 if count else start},{count}"
