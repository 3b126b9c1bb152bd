"""Classifiers of episodes: a forest on numbers, a linear one on words, and the mean of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from bench.validity.answers import Belief
from bench.validity.episodes import Episode
from domain.training.randomness import Floats
from domain.types import COMPOSED_TASK

TREES = 300
MAX_WORDS = 4000
MIN_EPISODES = 4
"""A word of fewer episodes is not learned."""


class Classifier(Protocol):
    """Learns what was planted."""

    def fit(self, episodes: Sequence[Episode], faults: Sequence[str]) -> Classifier: ...

    def believe(self, episodes: Sequence[Episode]) -> list[Belief]: ...


class _Labelled:
    """What all of them do with labels: for each fault whether it was planted, and how many were."""

    def fit(self, episodes: Sequence[Episode], faults: Sequence[str]) -> _Labelled:
        matrix = self._learn(episodes)
        self.is_composed = episodes[0].task_id == COMPOSED_TASK
        planted = np.array([[fault in episode.faults for fault in faults] for episode in episodes])
        if self.is_composed:
            self.of_faults = self._new(several=True).fit(matrix, planted)
            self.of_counts = self._new(several=False).fit(matrix, planted.sum(axis=1))
        else:
            self.of_faults = self._new(several=False).fit(matrix, planted.argmax(axis=1))
        self.width = len(faults)
        return self

    def believe(self, episodes: Sequence[Episode]) -> list[Belief]:
        matrix = self._matrix(episodes)
        if self.is_composed:
            faults = self._shares(matrix)
            counts = self.of_counts.predict_proba(matrix)
        else:
            faults = np.zeros((len(episodes), self.width))
            faults[:, self.of_faults.classes_] = self.of_faults.predict_proba(matrix)
            counts = np.tile([0.0, 1.0, 0.0], (len(episodes), 1))
        return [Belief(*rows) for rows in zip(faults, counts, strict=True)]

    def _shares(self, matrix: Any) -> Floats:
        found = self.of_faults.predict_proba(matrix)
        if isinstance(found, list):
            return np.array([one[:, 1] if one.shape[1] > 1 else np.zeros(len(one)) for one in found]).T
        return np.asarray(found, dtype=np.float64)

    def _learn(self, episodes: Sequence[Episode]) -> Any:
        raise NotImplementedError

    def _matrix(self, episodes: Sequence[Episode]) -> Any:
        raise NotImplementedError

    def _new(self, *, several: bool) -> Any:
        raise NotImplementedError


class Forest(_Labelled):
    """A random forest on named numbers; a number that an episode lacks is minus one thousand."""

    def __init__(self, numbers: Callable[[Episode], Mapping[str, float]], *, trees: int = TREES) -> None:
        self.numbers, self.trees = numbers, trees
        self.columns: dict[str, int] = {}

    def _learn(self, episodes: Sequence[Episode]) -> Floats:
        counts = Counter(key for episode in episodes for key in self.numbers(episode))
        known = [key for key, count in sorted(counts.items()) if count >= MIN_EPISODES]
        self.columns = {key: place for place, key in enumerate(known)}
        return self._matrix(episodes)

    def _matrix(self, episodes: Sequence[Episode]) -> Floats:
        matrix = np.full((len(episodes), len(self.columns)), -1000.0, np.float32)
        for row, episode in enumerate(episodes):
            for key, value in self.numbers(episode).items():
                if key in self.columns and np.isfinite(value):
                    matrix[row, self.columns[key]] = np.clip(value, -1e6, 1e6)
        return matrix  # type: ignore[return-value]

    def _new(self, *, several: bool) -> RandomForestClassifier:
        return RandomForestClassifier(self.trees, min_samples_leaf=2, max_features="sqrt", random_state=0)


class Words(_Labelled):
    """A logistic regression on words."""

    def __init__(self, words: Callable[[Episode], frozenset[str]]) -> None:
        self.words = words
        self.columns: dict[str, int] = {}

    def _learn(self, episodes: Sequence[Episode]) -> csr_matrix:
        counts = Counter(word for episode in episodes for word in self.words(episode))
        usual = sorted(
            (word for word, count in counts.items() if MIN_EPISODES <= count < len(episodes)),
            key=lambda word: (-counts[word], word),
        )
        self.columns = {word: place for place, word in enumerate(usual[:MAX_WORDS])}
        return self._matrix(episodes)

    def _matrix(self, episodes: Sequence[Episode]) -> csr_matrix:
        rows, columns = [], []
        for row, episode in enumerate(episodes):
            known = [self.columns[word] for word in self.words(episode) if word in self.columns]
            rows += [row] * len(known)
            columns += known
        return csr_matrix(
            (np.ones(len(rows), np.float32), (rows, columns)), shape=(len(episodes), max(1, len(self.columns)))
        )

    def _new(self, *, several: bool) -> OneVsRestClassifier:
        return OneVsRestClassifier(LogisticRegression(C=0.1, solver="liblinear"))


class Mean:
    """The mean of what several classifiers believe."""

    def __init__(self, *parts: Classifier) -> None:
        self.parts = parts

    def fit(self, episodes: Sequence[Episode], faults: Sequence[str]) -> Mean:
        for part in self.parts:
            part.fit(episodes, faults)
        return self

    def believe(self, episodes: Sequence[Episode]) -> list[Belief]:
        beliefs = [part.believe(episodes) for part in self.parts]
        return [
            Belief(
                np.mean([one.faults for one in each], axis=0, dtype=np.float64),
                np.mean([one.counts for one in each], axis=0, dtype=np.float64),
            )
            for each in zip(*beliefs, strict=True)
        ]
