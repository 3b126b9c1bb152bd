"""Trains the weights with which fixes in words are read, on labelled diagnoses: ``python -m bench.validity train-words``.

The texts of one author are left out in turn to see how well another author's are read. Deterministic: the same texts, the same weights.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from bench.validity.words import Entry, is_repair
from domain.grading.entries import artifact_named
from domain.grading.free_text.features import Candidate, Text, candidates
from domain.grading.free_text.fixes import SCALE
from domain.grading.written_run import Declaration, run_of

PENALTY = 12.0
"""Weight of half the sum of the squared weights."""
WEIGHT_OF_WRONG, WEIGHT_OF_NEGATED = 6.0, 1.0
MIN_AUTHORS = 3
"""What the texts of fewer authors have is no feature: a word of one author says nothing of another's texts."""
SMALLEST = 2
"""Weights that are smaller, in hundredths, are left out."""
_NEGATIONS = (
    "Do not {}.", "Never {}.", "There is no need to {}.", "Don't {}.", "It would be wrong to {}.", "We must not {}.",
    "Nobody should {}.", "I would not {}.", "Please do not {}.", "To {} would be a mistake.", "I see no reason to {}.",
    "It makes no sense to {}.", "Should we {}? No, leave it as it is.", "One could {}, but that would hide the problem.",
    "You could {}, which would make things worse.", "It is not necessary to {}.",
)  # fmt: skip
_QUOTATIONS = ("Replace `{0}` with `{1}`.", "{0} -> {1}", "- {0}\n+ {1}", "It should be `{1}`, not `{0}`.", "{1}")
_REQUEST = re.compile(
    r"(?:set|use|reduce|lower|raise|fit|drop|remove|call|make|put|bring|give|take|split|swap|load|add|hold|declare|pin|score|evaluate|encode|divide"
    r"|cut|shrink|widen|increase|turn|switch|join|test|read|deduplicate|shuffle|impute|select|standardi.e|let|pass|replace|initiali.e|apply|run|store)\b",
    re.I,
)
_NOT_PLAIN = re.compile(r"[\n:;→]|\. |, |->|\b(?:not|instead|rather|never|no)\b|n't")


class Example(NamedTuple):
    """A text, with or without the named field, and its candidates."""

    entry: Entry
    weight: float
    wanted: tuple[Candidate, ...]
    """Of which one should win; of a wrong text: those that may."""
    others: tuple[Candidate, ...]
    is_right: bool
    """Whether something should be read."""


def examples(entries: Iterable[Entry]) -> list[Example]:
    """What is learned from labelled texts, and from right ones negated."""
    found = []
    entries = list(entries)
    for entry in [*entries, *quoting(entries)]:
        for text, is_negated in [(entry.text, False), *((text, True) for text in negated(entry))]:
            for root in ("", entry.root):
                one = _example(entry, text, root, is_negated)
                if one is not None:
                    found.append(one)
    return found


def quoting(entries: Iterable[Entry]) -> list[Entry]:
    """Right and wrong texts that quote the line of code that the repair changes, one of each for a scenario."""
    found: list[Entry] = []
    for truth in {id(entry.truth): entry.truth for entry in entries}.values():
        (repair,), run = truth.patch, run_of(truth)
        file = artifact_named(repair.file)
        if file is None or not file.endswith(".py"):
            continue
        shown = run.text(file).splitlines()
        repaired = run.rendered(file, {Declaration(file, repair.field): repair.value}).splitlines()
        old, new = [one for one in shown if one not in repaired], [one for one in repaired if one not in shown]
        if len(old) == len(new) == 1:
            frame = _QUOTATIONS[len(found) // 2 % len(_QUOTATIONS)]
            for label, pair in (("right", (old[0], new[0])), ("wrong", (new[0], old[0]))):
                text = frame.format(*(one.strip() for one in pair))
                found.append(Entry("lines of code", label, "", str(truth.root_cause_field), True, text, truth))
    return found


def negated(entry: Entry) -> list[str]:
    """A right text of one plain request, forbidden in three ways."""
    text = entry.text.strip().rstrip(".")
    if entry.label != "right" or len(text) > 110 or _NOT_PLAIN.search(text) or not _REQUEST.match(text):
        return []
    place = zlib.crc32(text.encode())
    return [_NEGATIONS[(place + step) % len(_NEGATIONS)].format(text[0].lower() + text[1:]) for step in (0, 5, 11)]


def _example(entry: Entry, text: str, root: str, is_negated: bool) -> Example | None:
    run = run_of(entry.truth)
    found = list(candidates(Text(text, entry.named(root), root, run)))
    repairs = [one for one in found if is_repair(entry, one)]
    others = tuple(one for one in found if one not in repairs)
    twin = {one.value for one in entry.truth.patch}
    if entry.label == "wrong" and any(
        one.target.kind == "number" and not one.direction and one.value not in twin for one in repairs
    ):
        return None  # a number that happens to repair the scenario which the text was written into
    if entry.label in ("wrong", "none") or is_negated:
        weight = WEIGHT_OF_NEGATED if is_negated else WEIGHT_OF_WRONG
        return Example(entry, weight, others, tuple(repairs), False) if repairs else None
    values = [one for one in repairs if not one.direction]
    fields = {one.target.declaration for one in repairs}
    if (
        entry.label == "right"
        and not values
        and any(not one.direction and one.target.declaration in fields for one in others)
    ):
        return None  # a number that does not fit the scenario which the text was written into
    wanted = values if entry.label == "right" and values else [one for one in repairs if one.direction]
    return Example(entry, 1.0, tuple(wanted), others, True) if wanted else None


def train(found: Sequence[Example]) -> dict[str, int]:
    """The weights, in hundredths; under the empty name what every candidate has."""
    authors: dict[str, set[str]] = defaultdict(set)
    for example in found:
        for candidate in (*example.wanted, *example.others):
            for name in candidate.features:
                authors[name].add(example.entry.author)
    names: dict[str, int] = {}
    rows: list[int] = []
    columns: list[int] = []
    group: list[int] = []
    is_wanted: list[bool] = []
    for number, example in enumerate(found):
        for is_own, own in ((True, example.wanted), (False, example.others)):
            for candidate in own:
                place = len(group)
                group.append(number)
                is_wanted.append(is_own)
                for name in sorted(name for name in candidate.features if len(authors[name]) >= MIN_AUTHORS):
                    rows.append(place)
                    columns.append(names.setdefault(name, len(names)))
    matrix = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(group), len(names)))
    of, wanted = np.array(group), np.array(is_wanted, dtype=float)
    weight = np.array([example.weight for example in found])
    nothing = np.array([0.0 if example.is_right else 1.0 for example in found])

    def loss(values: Any) -> tuple[float, Any]:
        """Minus the logarithm of the share that falls to what is wanted, nothing being one more candidate of score 0."""
        shares = np.exp(np.clip(matrix @ values[:-1] + values[-1], -30, 30))
        total = 1.0 + np.bincount(of, shares, len(found))
        good = nothing + np.bincount(of, shares * wanted, len(found))
        slope = weight[of] * shares * (1 / total[of] - wanted / good[of])
        size = values[:-1]
        gradient = np.append(matrix.T @ slope + PENALTY * size, slope.sum())
        return float((weight * (np.log(total) - np.log(good))).sum() + PENALTY * (size @ size) / 2), gradient

    best = minimize(loss, np.zeros(len(names) + 1), jac=True, method="L-BFGS-B", options={"maxiter": 400}).x
    rounded = {name: round(float(best[place]) * SCALE) for name, place in sorted(names.items())}
    kept = {name: value for name, value in rounded.items() if abs(value) >= SMALLEST}
    return {"": round(float(best[-1]) * SCALE)} | kept
