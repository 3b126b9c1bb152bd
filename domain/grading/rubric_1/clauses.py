"""Splits a text into clauses and classifies them, without knowledge of fields."""

from __future__ import annotations

import re
from typing import NamedTuple

from domain.grading.rubric_1 import concepts
from domain.grading.rubric_1.naming import MASK, mask_fields, to_words

ARROW = re.compile(r"->|=>|→|⇒|➜")
_MARK = re.compile(
    r"[;\n]+|:(?=\s+[\w.]+\s*(?:=|:\s|->|→))|\s\|\s|(?<!\d)(?<!\be\.g)(?<!\bi\.e)[.!?](?=\s|$)|(?<=\d)[.](?=\s|$)|,(?=\s)|\s[–—-]\s"
    r"|\b(?:but|while|whereas|because|since|so that|then|which)\b"
    r"|\band\s+(?=(?:set|use|have|let|reduce|lower|decrease|increase|raise|keep|leave|switch|change|add|enabl\w*|clip\w*|monitor\w*|fit|do|don't|make|train|call|pass|swap|pin|optional\w*|re\w*)\b)",
    re.IGNORECASE,
)


_BRACKETED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}")
_SPLITS = re.compile(r"\btrain\w*, (?:the )?val\w*,? (?:and|or) (?:the )?test\w*", re.IGNORECASE)
_REASONS = frozenset({"because", "since", "so that", "which", "while", "whereas"})
_REPLACE = re.compile(r"\breplac\w+ (\S+) (?:by|with) (?=\S)(\S*)", re.IGNORECASE)
_SED = re.compile(r"\bs([/|#])((?:(?!\1).)+)\1((?:(?!\1).)*)\1g?")
_NEGATION = re.compile(
    r"\b(?:instead of|rather than|as opposed to|in place of|not|neither|never|no longer|without|avoid\w*|(?<!early )(?<!early-)stop\w*|don't|doesn't|cannot"
    r"|isn't|shouldn't|(?:do|does|should|must|can|could|would) ?n[o']t|refrain\w*|against"
    r"|(?:is|be) (?:wrong|a mistake|unwise|harmful) to)\b",
    re.IGNORECASE,
)
_COMPARISON = re.compile(r"\s*(?:instead of|rather than|as opposed to|in place of)\b", re.IGNORECASE)
_AT_MOST = re.compile(
    r"\b(?:no|not)(?: be)? (?:exceed|above|over|(?:more|higher|larger|greater|bigger) than)\b", re.IGNORECASE
)
_PAIR = re.compile(r"(\b\w+), (\w+\s*(?:->|→|⇒|=>|=(?!=))\s*\w+), (?=\w)")
MAX_CLAUSES = 32
"""A text with more is a list, not a fix."""
_MAX_WORDS_BEFORE_NEGATION = 2
"""Max number of words before a negation that governs the whole clause: "please do not", "it would ..."."""
_MAX_WORDS_OF_ASSIGNMENT = 6
"""Up to so many words are a bare name and value, as in a review comment."""


class Clause(NamedTuple):
    text: str
    is_reason: bool
    """A reason or purpose: it proposes nothing for a field that it names itself."""
    is_parenthetical: bool
    """It follows a comma and requests nothing by itself: it belongs to the clause before."""


def split(text: str) -> list[Clause]:
    """The clauses of a text (see `normalize`), in order."""
    text = text.replace("e.g.", "eg").replace("i.e.", "ie").replace("approx.", "about")
    text = _SPLITS.sub(lambda found: found[0].replace(", ", " and "), text)
    text = _BRACKETED.sub(lambda found: _separate_arguments(found[0]), text)
    clauses: list[Clause] = []
    place, is_reason, is_comma = 0, False, False
    for mark in [*_MARK.finditer(text), None]:
        part = text[place : mark.start() if mark else len(text)]
        if part.strip():
            clauses.append(Clause(part, is_reason, is_comma and not _is_request(part)))
        if mark is not None:
            place, word = mark.end(), mark[0].strip().lower()
            is_comma = word == ","
            is_reason = word in _REASONS or (is_reason and is_comma)
    return clauses


def _separate_arguments(text: str) -> str:
    """Arguments that are assigned are clauses of their own, others stay together."""
    return text.replace(",", ";") if text.count("=") > 1 else text.replace(", ", ",")


def normalize(text: str) -> str:
    """Arrows, diffs, substitutions of a stream editor and typographic marks in one spelling."""
    text = _SED.sub(r" \2 -> \3 ", text.replace("\\", ""))
    text = re.sub(r"\bversion (\d)\b", r"v\1", text)
    text = _REPLACE.sub(r"\1 -> \2", text)
    text = _PAIR.sub(r"\1,\2,", _AT_MOST.sub("be at most", text))
    if re.search(r"^\s*\+", text, re.MULTILINE) and re.search(r"^\s*-", text, re.MULTILINE):
        text = re.sub(r"^\s*-.*$", "", text, flags=re.MULTILINE)
    return text.replace("’", "'").replace("↓", " down ").replace("↑", " up ").replace("×", "x").replace("−", "-")


def without_negated(clause: str) -> str:
    """The clause without what it rules out: all that stands behind a negation, up to a "but" or an arrow."""
    found = _NEGATION.search(clause)
    if found is None:
        return clause
    rest = clause[found.end() :]
    back = re.search(r"\bbut\b|\binstead\b(?! of)|->|→", rest)
    return clause[: found.start()] + (rest[back.start() :] if back else "")


def is_prohibition(clause: str) -> bool:
    """Whether a clause forbids what it names; a clause that explains it proposes nothing either.

    What is named to be compared with ("rather than a, b") is followed by the proposal.
    """
    if _COMPARISON.match(clause):
        return False
    return (
        len(to_words(without_negated(clause)).split()) <= _MAX_WORDS_BEFORE_NEGATION
        and without_negated(clause) != clause
    )


def requests_change(clause: str) -> bool:
    """Whether a clause requests a change: an assignment, an arrow, a request, or no more than a name and a value."""
    return _is_request(clause) or len(to_words(clause).split()) <= _MAX_WORDS_OF_ASSIGNMENT


def _is_request(clause: str) -> bool:
    is_marked = ARROW.search(clause) or re.search(r"=|:\s", clause)
    return bool(concepts.DIRECTIVE.search(to_words(clause)) or is_marked)


def keeps_current(clause: str) -> bool:
    """Whether a clause names what should stay as it is or is optional."""
    words = to_words(clause)
    is_idle = concepts.KEEP.search(words) or concepts.OPTIONAL.search(words)
    return bool(is_idle) and not ARROW.search(clause)


def is_bare_name(clause: str) -> bool:
    """Whether a clause is a further item of a list such as "lower a, b and c"."""
    _, left = mask_fields(to_words(clause))
    return MASK.strip() in left and set(left.split()) <= {MASK.strip(), "and", "or", "the", "as", "well", "also"}
