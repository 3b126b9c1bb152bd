"""Turns what a program believes about a scenario into the answer with the highest expected score."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from bench.validity.episodes import Episode
from bench.validity.features import Numbers, pattern_of
from domain.diagnosis import Diagnosis
from domain.rubric import RUBRIC
from domain.scenario import Truth
from domain.training.multi_source.case import State
from domain.training.pipeline import FieldValue
from domain.training.randomness import Floats, Ints
from domain.types import COMPOSED_TASK, TaskId

MIN_EXAMPLES = 5
_SAMPLE = 40
_PAIRED = 60
"""So many of the best first entries are tried with every second one."""
Path = tuple[str, str]
Source = Callable[[Episode], Numbers]


class Belief(NamedTuple):
    """What a program believes about one scenario."""

    faults: Floats
    """For each fault of `Answers.faults`: its probability; on a task of one fault they sum to one."""
    counts: Floats
    """Probabilities of none, one and two faults."""


class Answers:
    """What can be answered on a task, learned from public episodes.

    Args:
        episodes: with their truths.
        numbers: what a path is chosen by where the diff does not show one; None: by nothing.
        is_blind: answers may name only what needs no look at the scenario.
    """

    def __init__(self, episodes: Sequence[Episode], numbers: Source | None = None, *, is_blind: bool = False) -> None:
        self.task_id: TaskId = episodes[0].task_id
        self.numbers, self.is_blind = numbers, is_blind
        known = [(episode, fault) for episode in episodes for fault in episode.truth.planted if fault.patch]
        self.faults = sorted({fault.fault_id for _, fault in known})
        self.examples: dict[str, list[tuple[Episode, Truth]]] = {fault: [] for fault in self.faults}
        for episode, fault in known:
            self.examples[fault.fault_id].append((episode, fault))
        self.prior = Belief(
            np.array([len(self.examples[fault]) for fault in self.faults]) / len(episodes),
            np.bincount([len(episode.faults) for episode in episodes], minlength=3)[:3] / len(episodes),
        )
        self._paths = {fault: Counter(_path(one) for _, one in found) for fault, found in self.examples.items()}
        self._values = {
            fault: Counter(one.patch[0].value for _, one in found) for fault, found in self.examples.items()
        }
        self._rules = {fault: self._learned_rules(found) for fault, found in self.examples.items()}
        self._points = _Points(self)

    def best(self, belief: Belief, episode: Episode) -> list[Diagnosis]:
        """The answer with the highest expected score."""
        return [self._diagnosis(category, file, fault, episode) for category, file, fault in self._points.best(belief)]

    def rates(self, fault: str) -> tuple[float, float]:
        """How often the path, and path and value, that are chosen for a fault are right, on the episodes learned from."""
        named, repaired = [], []
        for episode, truth in self.examples[fault][:_SAMPLE]:
            _, field = self.path(fault, episode)
            named.append(field in truth.accepted.fields)
            repaired.append(named[-1] and self._value(fault, field, episode) == truth.patch[0].value)
        return float(np.mean(named)), float(np.mean(repaired))

    def path(self, fault: str, episode: Episode) -> Path:
        """File and field: what the diff changes, else what deviates most, else the largest source's."""
        file, usual = self._paths[fault].most_common(1)[0][0]
        pattern = pattern_of(usual)
        if self.is_blind or "{" not in pattern:
            return file, usual
        possible = [path for path in episode.declarations.now if pattern_of(path) == pattern]
        changed = [path for path in possible if path in episode.declarations.changed]
        return file, (changed or [self._deviating(fault, possible, episode)])[0]

    def _diagnosis(self, category: str, file: str, fault: str, episode: Episode) -> Diagnosis:
        place, field = self.path(fault, episode)
        entry = {"file": place, "field": field, "value": self._value(fault, field, episode)}
        return Diagnosis.model_validate(
            {"failure_category": category, "root_cause_file": file, "root_cause_field": field, "patch": (entry,)}
        )

    def _value(self, fault: str, field: str, episode: Episode) -> FieldValue:
        """The value before the change, else the most common repair that is not what is declared."""
        if field in episode.declarations.changed and not self.is_blind:
            return episode.declarations.changed[field]
        usual = [value for value, _ in self._values[fault].most_common()]
        now = object() if self.is_blind else episode.declarations.now.get(field, object())
        return next((value for value in usual if value != now), usual[0])

    def _learned_rules(self, found: Sequence[tuple[Episode, Truth]]) -> list[tuple[str, str, float]]:
        """For sources, columns or both: the number whose highest or lowest value most often is at the faulty place."""
        if self.numbers is None or len(found) < MIN_EXAMPLES or "{" not in pattern_of(_path(found[0][1])[1]):
            return []
        hits: defaultdict[tuple[str, str, float], int] = defaultdict(int)
        for episode, truth in found:
            numbers, path = self.numbers(episode), _path(truth)[1]
            for kind, place in _places(path, episode).items():
                for key, vector in getattr(numbers, kind).items():
                    for sign in (1.0, -1.0):
                        hits[kind, key, sign] += _extreme(vector, sign) == place
        best: dict[str, tuple[int, tuple[str, str, float]]] = {}
        for (kind, key, sign), count in hits.items():
            if kind not in best or count > best[kind][0]:
                best[kind] = (count, (kind, key, sign))
        # A column of a source is surer than a source or a column.
        return [rule for _, rule in sorted(best.values(), key=lambda each: (each[1][0] != "by_pair", -each[0]))]

    def _deviating(self, fault: str, possible: Sequence[str], episode: Episode) -> str:
        fitting = list(possible)
        if self.numbers is not None:
            numbers = self.numbers(episode)
            for kind, key, sign in self._rules[fault]:
                vector = getattr(numbers, kind).get(key)
                if vector is not None:
                    place = _extreme(vector, sign)
                    left = [path for path in fitting if _places(path, episode).get(kind) == place]
                    fitting = left or fitting
        sizes = {source.name: source.weight for source in State.from_json(episode.truth.pipeline).layout.sources}
        return max(fitting, key=lambda path: sizes.get(path.split(".")[1], 0.0))


def _path(truth: Truth) -> Path:
    return truth.patch[0].file, truth.patch[0].field


def _places(path: str, episode: Episode) -> dict[str, int]:
    """Kind of vector to the place in it that a path is about."""
    parts, names = path.split("."), episode.names
    source = names.sources.index(parts[1]) if parts[0] == "sources" else None
    name = parts[3] if len(parts) > 3 else parts[1] if parts[0] == "features" else ""
    column = names.columns.index(name) if name in names.columns else None
    places = {} if source is None else {"by_source": source}
    if column is not None:
        places["by_column"] = column
        if source is not None:
            places["by_pair"] = source * len(names.columns) + column
    return places


def _extreme(vector: Floats, sign: float) -> int:
    known = np.where(np.isfinite(vector), vector * sign, -np.inf)
    return int(known.argmax())


class _Points:
    """What each possible entry earns against each fault, and from that the best answer for a belief."""

    def __init__(self, answers: Answers) -> None:
        self.task_id, faults = answers.task_id, answers.faults
        accepted = [answers.examples[fault][0][1].accepted for fault in faults]
        categories = sorted({one for each in accepted for one in each.categories})
        files = sorted({one for each in accepted for one in each.files})
        self.entries = list(product(categories, files, faults))
        places = np.array(
            [
                [
                    RUBRIC.category_points * (category in each.categories) + RUBRIC.file_points * (file in each.files)
                    for each in accepted
                ]
                for category, file, _ in self.entries
            ]
        )
        named, repaired = np.array([answers.rates(fault) for fault in faults]).T
        own = np.array([[fault == other for other in faults] for _, _, fault in self.entries])
        self.places, self.named = places, np.where(own, named, 0.0)
        self.gain = RUBRIC.field_points + RUBRIC.fix_points * repaired / np.maximum(named, 1e-9)
        """What is earned where the path is right."""
        self.points = places + self.named * self.gain
        """(entries, faults): expected points."""

    def best(self, belief: Belief) -> list[tuple[str, str, str]]:
        """The entries of the best answer."""
        if self.task_id != COMPOSED_TASK:
            return [self.entries[int((self._single() @ belief.faults).argmax())]]
        shares = belief.faults / max(belief.faults.sum(), 1e-9)
        none, one, two = belief.counts
        low = RUBRIC.lowest_score
        alone = np.clip(self.points - RUBRIC.unmatched_penalty * (self.points == 0), low, RUBRIC.highest_score)
        pairs = np.outer(shares, shares) * (1 - np.eye(len(shares)))
        pairs /= max(pairs.sum(), 1e-9)
        first, second = np.nonzero(np.triu(pairs, 1) > 1e-4)
        weights = 2 * pairs[first, second]
        better = np.maximum(self.points[:, first], self.points[:, second])
        in_pair = np.clip(better / 2 - RUBRIC.unmatched_penalty * (better == 0), low, RUBRIC.highest_score)
        of_one = none * low + one * alone @ shares + two * in_pair @ weights
        of_none = none * RUBRIC.highest_score + (1 - none) * low
        best, answer = of_none, list[int]()
        if of_one.max() > best:
            best, answer = float(of_one.max()), [int(of_one.argmax())]
        start = int(of_one.argmax())
        for other in np.argsort(-of_one)[:_PAIRED].tolist():
            value = self._pair(start, other, belief, shares, (first, second, weights))
            if value > best:
                best, answer = value, [start, other]
        return [self.entries[place] for place in answer]

    def _single(self) -> Floats:
        """(entries, faults): expected score on a task of one fault."""
        missed, hit = self._score(self.places), self._score(self.places + self.gain)
        found: Floats = (1 - self.named) * missed + self.named * hit
        return found

    def _score(self, points: Floats) -> Floats:
        if self.task_id in RUBRIC.low_score_tasks:
            points = points - RUBRIC.low_score_share * np.maximum(RUBRIC.low_score_threshold - points, 0.0)
        found: Floats = np.clip(points, RUBRIC.lowest_score, RUBRIC.highest_score)
        return found

    def _pair(self, one: int, other: int, belief: Belief, shares: Floats, pairs: tuple[Ints, Ints, Floats]) -> float:
        first, second, weights = pairs
        mine, theirs, penalty = self.points[one], self.points[other], RUBRIC.unmatched_penalty
        low, high = RUBRIC.lowest_score, RUBRIC.highest_score
        best = np.maximum(mine, theirs)
        alone = np.clip(best - penalty * (1.0 + (best == 0)), low, high)
        totals = [
            (mine[a] + theirs[b]) / 2 - penalty * ((mine[a] == 0) * 1.0 + (theirs[b] == 0))
            for a, b in ((first, second), (second, first))
        ]
        together = np.clip(np.maximum(*totals), low, high)
        none, single, two = belief.counts
        return float(none * low + single * alone @ shares + two * together @ weights)
