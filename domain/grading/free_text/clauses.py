"""Splits a text into segments, and says what each is for."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from domain.grading.free_text.language import NUMBERS, REWRITES, WORDS, pattern

MAX_CHARACTERS, MAX_SEGMENTS = 1500, 32
"""What follows in a longer text is not read."""
NOT, ASK = "\x01", "\x02"
"""Marks in a normalised text: what is rejected begins, what is requested begins."""
_MAX_MARKS, _MAX_WORDS_OF_REVIEW = 16, 6
"""A clause of so few words is a request, as in a review comment."""


class Segment(NamedTuple):
    """A part of a clause that has one role."""

    text: str
    role: str
    """``ask`` requests, ``say`` states, ``why`` gives a reason, ``not`` is rejected or was before, ``ban`` is forbidden, ``keep`` stays."""
    clause: str
    number: int
    """Of the clause."""


def normalize(text: str) -> str:
    """One spelling, in lower case, with marks where a replacement or a diff rejects and requests."""
    text = text[:MAX_CHARACTERS]
    if re.search(r"^\s*\+", text, re.M) and re.search(r"^\s*-", text, re.M):
        text = re.sub(r"^\s*(?:@@|---|\+\+\+).*", "", text, flags=re.M)
        text = re.sub(r"^\s*\+", ASK, re.sub(r"^\s*-", NOT, text, flags=re.M), flags=re.M)
    for expression, written in REWRITES:
        text = expression.sub(written, text)
    text = pattern("call").sub(lambda found: _arguments(found[0]), text).lower()
    return pattern("number_word").sub(lambda found: f"{NUMBERS[found[1]]:g}", text)


def _arguments(call: str) -> str:
    """The arguments of a call: those with names come apart, others stay together."""
    return re.sub(r",\s+", "; " if len(re.findall(r"(?<![=<>!])=(?!=)", call)) > 1 else ",", call)


@lru_cache(maxsize=4096)
def words_of(text: str) -> tuple[str, ...]:
    """Words, numbers and marks of a normalised text."""
    return tuple(pattern("word").findall(text))


def split(text: str) -> list[Segment]:
    """The segments of a text, in order."""
    found: list[Segment] = []
    is_reason = is_rejected = False
    first, place, previous = 0, 0, ""
    text = normalize(text)
    for number, mark in enumerate([*pattern("split").finditer(text), None]):
        part, word = text[place : mark.start() if mark else len(text)], mark[0].strip() if mark else ""
        if part.strip():
            pieces = [piece for piece in _pieces(part, _role(part, is_reason)) if piece[0].strip()]
            is_same = is_rejected and found[-1].role == "ban" and (previous == ":" or not _is_request(part))
            if word == "?" or is_same:
                pieces = [(piece, "ban") for piece, _ in pieces]
            elif is_rejected:
                pieces = [(piece, "why" if role == "say" else role) for piece, role in pieces]
            if pattern("backward").search(part) and all(role == "ban" for _, role in pieces):
                found[first:] = [one._replace(role="ban") for one in found[first:]]
            found += [Segment(piece, role, part, number) for piece, role in pieces]
            is_rejected = bool(pieces) and all(role in ("not", "ban", "keep") for _, role in pieces)
        if mark is None or len(found) >= MAX_SEGMENTS:
            break
        is_end, place, previous = pattern("ends").search(mark[0]) is not None, mark.end(), word
        is_reason = not is_end and (word in WORDS["reasons"] or (is_reason and word in (",", "")))
        is_rejected = is_rejected and not is_end and word not in ("but", "then")
        first = len(found) if is_end else first
    return found[:MAX_SEGMENTS]


def _is_request(part: str) -> bool:
    return pattern("request").search(part) is not None or pattern("ought").search(part) is not None


def _role(part: str, is_reason: bool) -> str:
    if pattern("keep").search(part):
        return "keep"
    if part.lstrip().startswith(ASK) or pattern("request").search(part):
        return "ask"
    if is_reason:
        return "why"
    is_short = len(part.split()) <= _MAX_WORDS_OF_REVIEW and not pattern("review").search(part)
    return "ask" if is_short or pattern("ought").search(part) else "say"


def _pieces(part: str, role: str) -> list[tuple[str, str]]:
    """The clause cut where a rejected part begins or ends."""
    if pattern("forbid").search(part):
        back = re.search(r"\bbut\b|\binstead\b(?! of)", part)
        return [(part[: back.start()], "ban"), (part[back.end() :], "ask")] if back else [(part, "ban")]
    pieces, place, kind = [], 0, role
    if "->" in part and NOT not in part:
        part = NOT + part
    marks = [*pattern("instead").finditer(part), *re.finditer(r"[\x01\x02]|->", part)]
    for mark in sorted(marks, key=lambda one: one.start())[:_MAX_MARKS]:
        if mark.start() < place:
            continue
        pieces.append((part[place : mark.start()], kind))
        place, kind = mark.end(), "ask" if mark[0] in (ASK, "->") else "not"
        back = pattern("back").search(part, mark.end()) if kind == "not" and mark[0] != NOT else None
        if back is not None:
            pieces.append((part[mark.end() : back.start()], "not"))
            place, kind = back.end(), "ask"
    return [*pieces, (part[place:], kind)]
