"""Splits a text into segments, and says what each is for."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from domain.grading.free_text.language import pattern, word_set
from domain.grading.free_text.numbers import with_digits

MAX_CHARACTERS, MAX_SEGMENTS = 1500, 32
"""What follows in a longer text is not read."""
NOT, ASK = "\x01", "\x02"
"""Marks in a normalised text: what is rejected begins, what is requested begins."""
_MAX_MARKS, _MAX_WORDS_OF_REVIEW = 16, 6
"""A clause of so few words is a request, as in a review comment."""
_MONTHS = "janfebmaraprmayjunjulaugsepoctnovdec"


class Segment(NamedTuple):
    """A part of a clause that has one role."""

    text: str
    words: tuple[str, ...]
    role: str
    """``ask`` requests, ``say`` states, ``why`` gives a reason, ``not`` is rejected or was before, ``ban`` is forbidden, ``keep`` stays;
    ``join`` is a whole sentence without what it rejects or keeps."""
    clause: int
    sentence: int


def normalize(text: str) -> str:
    """One spelling for arrows, quotation marks, diffs, stream-editor commands and replacements; lower case."""
    text = text[:MAX_CHARACTERS].replace("’", "'").replace("−", "-").replace("×", "x").replace("\\", "")
    text = text.replace("e.g.", "eg").replace("i.e.", "ie").replace("approx.", "about").replace("⇄", " swap ")
    text = re.sub(r"=>|→|⇒|➜|⟶|-->", "->", text).replace("↓", " down ").replace("↑", " up ")
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", re.sub(r"(?<=[A-Za-z])_|_(?=[A-Za-z])", " ", text))
    text = re.sub(r"\b(?:release|version) (\d)\b(?!\.)", r"v\1", text, flags=re.I)
    text = pattern("british").sub(r"\1iz", text)
    text = pattern("month_name").sub(lambda found: f"{found[2]}-{_MONTHS.index(found[1].lower()) // 3 + 1:02}", text)
    text = pattern("do_not_after").sub(r"use \1 until ", text)
    if re.search(r"^\s*\+", text, re.M) and re.search(r"^\s*-", text, re.M):
        text = re.sub(r"^\s*(?:@@|---|\+\+\+).*", "", text, flags=re.M)
        text = re.sub(r"^\s*\+", ASK, re.sub(r"^\s*-", NOT, text, flags=re.M), flags=re.M)
    text = pattern("call").sub(lambda found: _arguments(found[0]), text)
    text = pattern("pair").sub(r"\1 & \2", text)
    text = pattern("sed").sub(rf" {NOT}\2 -> \3 ", text)
    text = pattern("replace").sub(rf" {NOT}\1 {ASK} to ", pattern("at_most").sub("be at most", text))
    return with_digits(pattern("from_to").sub(rf" {NOT}\1 {ASK} to ", text).lower())


def _arguments(call: str) -> str:
    """The arguments of a call: those with names come apart, others stay together."""
    return re.sub(r",\s+", "; " if len(re.findall(r"(?<![=<>!])=(?!=)", call)) > 1 else ",", call)


@lru_cache(maxsize=4096)
def words_of(text: str) -> tuple[str, ...]:
    """Words, numbers and marks of a normalised text."""
    return tuple(pattern("word").findall(text))


def split(text: str) -> list[Segment]:
    """The segments of a text, in order, and then its sentences of several segments."""
    found: list[Segment] = []
    is_reason = is_rejected = False
    number = sentence = place = 0
    text = normalize(text)
    for mark in [*pattern("split").finditer(text), None]:
        part = text[place : mark.start() if mark else len(text)]
        if part.strip():
            pieces = [piece for piece in _pieces(part, _role(part, is_reason)) if piece[0].strip()]
            is_request = pattern("request").search(part) or pattern("ought").search(part)
            if is_rejected and found[-1].role == "ban" and not is_request:
                pieces = [(piece, "ban") for piece, _ in pieces]
            elif is_rejected:
                pieces = [(piece, "why" if role == "say" else role) for piece, role in pieces]
            if pattern("backward").search(part) and all(role == "ban" for _, role in pieces):
                found = [one._replace(role="ban") if one.sentence == sentence else one for one in found]
            if mark and mark[0].strip() == "?":
                pieces = [(piece, "ban") for piece, _ in pieces]
            found += [Segment(piece, words_of(piece), role, number, sentence) for piece, role in pieces]
            is_rejected = all(role in ("not", "ban", "keep") for _, role in pieces)
            number += 1
        if mark is None or len(found) >= MAX_SEGMENTS:
            break
        word, is_end = mark[0].strip(), pattern("ends").search(mark[0]) is not None
        is_reason = not is_end and (word in word_set("reasons") or (is_reason and word in (",", "")))
        is_rejected = is_rejected and not is_end and word not in ("but", "then")
        sentence, place = sentence + is_end, mark.end()
    found = found[:MAX_SEGMENTS]
    return found + _sentences(found)


def _sentences(segments: list[Segment]) -> list[Segment]:
    parts: dict[int, list[Segment]] = {}
    for one in segments:
        if one.role in ("ask", "say"):
            parts.setdefault(one.sentence, []).append(one)
    return [
        Segment(" ".join(one.text for one in own), tuple(word for one in own for word in one.words), "join", -number - 1, number)
        for number, own in parts.items()
        if len(own) > 1
    ]  # fmt: skip


def _role(part: str, is_reason: bool) -> str:
    if pattern("keep").search(part):
        return "keep"
    if (
        part.lstrip().startswith(ASK)
        or pattern("request").search(part)
        or (pattern("ought").search(part) and not is_reason)
    ):
        return "ask"
    if is_reason:
        return "why"
    return "ask" if len(part.split()) <= _MAX_WORDS_OF_REVIEW and not pattern("review").search(part) else "say"


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
