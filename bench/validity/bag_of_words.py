"""Names the fault from the words of a text: uni- and bigrams, a linear softmax classifier, nothing else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.validity.episodes import Episode
from domain.faults import POOLS
from domain.training.randomness import Floats

_TOKEN = re.compile(r"[A-Za-z_]\w*|\d+(?:\.\d+)?|[^\w\s]")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
MAX_FEATURES = 4096
MIN_EPISODES = 4
"""A word of fewer episodes is not learned."""
STEPS, RATE, DECAY = 150, 0.05, 1e-4


class BagOfWords:
    """A classifier of episodes by one or more of their texts."""

    def __init__(self, artifacts: Sequence[str]) -> None:
        self.artifacts = tuple(artifacts)
        self._columns: dict[str, int] = {}
        self._weights: NDArray[np.float32] = np.empty((0, 0), np.float32)
        self.faults: list[str] = []

    def fit(self, episodes: Sequence[Episode]) -> BagOfWords:
        """Learn from episodes: full-batch Adam on the cross-entropy."""
        words = [self._words(episode) for episode in episodes]
        counts = Counter(word for found in words for word in found)
        frequent = [word for word, count in counts.most_common() if MIN_EPISODES <= count < len(episodes)]
        self._columns = {word: place for place, word in enumerate(frequent[:MAX_FEATURES])}
        self.faults = sorted({episode.fault_id for episode in episodes})
        answers = np.array([self.faults.index(episode.fault_id) for episode in episodes])
        self._weights = _descend(self._matrix(words), answers, len(self.faults))
        return self

    def name(self, episodes: Sequence[Episode]) -> list[str]:
        """The likeliest fault of each episode among those of its task."""
        scores = self._matrix([self._words(episode) for episode in episodes]) @ self._weights
        named = []
        for episode, row in zip(episodes, scores, strict=True):
            allowed = [place for place, fault in enumerate(self.faults) if fault in POOLS[episode.task_id]]
            named.append(self.faults[max(allowed, key=lambda place: row[place])])
        return named

    def accuracy_of_any(self, episodes: Sequence[Episode]) -> float:
        """The same without knowing the task: one of all faults is named."""
        scores = self._matrix([self._words(episode) for episode in episodes]) @ self._weights
        named = [self.faults[int(place)] for place in scores.argmax(axis=1)]
        return float(np.mean([fault == episode.fault_id for fault, episode in zip(named, episodes, strict=True)]))

    def accuracy(self, episodes: Sequence[Episode]) -> float:
        """Share of the episodes whose fault is named."""
        named = self.name(episodes)
        return float(np.mean([fault == episode.fault_id for fault, episode in zip(named, episodes, strict=True)]))

    def _words(self, episode: Episode) -> set[str]:
        found: set[str] = set()
        for artifact in self.artifacts:
            tokens = [_rounded(token) for token in _TOKEN.findall(episode.texts[artifact])]
            found.update(tokens)
            found.update(f"{one} {two}" for one, two in zip(tokens, tokens[1:], strict=False))
        return found

    def _matrix(self, words: Sequence[set[str]]) -> NDArray[np.float32]:
        matrix = np.zeros((len(words), len(self._columns) + 1), np.float32)
        matrix[:, -1] = 1.0
        for row, found in enumerate(words):
            known = [self._columns[word] for word in found if word in self._columns]
            matrix[row, known] = 1.0
        return matrix


def _rounded(token: str) -> str:
    """A number by its order of magnitude, else no two runs would share one."""
    return f"{float(token):.0e}" if _NUMBER.fullmatch(token) else token


def _descend(matrix: NDArray[np.float32], answers: NDArray[np.int64], outputs: int) -> NDArray[np.float32]:
    weights = np.zeros((matrix.shape[1], outputs), np.float32)
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    target = np.eye(outputs, dtype=np.float32)[answers]
    for step in range(1, STEPS + 1):
        scores = matrix @ weights
        scores -= scores.max(1, keepdims=True)
        shares = np.exp(scores)
        shares /= shares.sum(1, keepdims=True)
        gradient = matrix.T @ (shares - target) / np.float32(len(matrix)) + np.float32(DECAY) * weights
        first = 0.9 * first + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient * gradient
        weights -= RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-6)
    return weights


def chance(episodes: Sequence[Episode], faults: Sequence[str]) -> tuple[float, float]:
    """Accuracy of guessing among the learned faults of the task, and its standard deviation over so many episodes."""
    known = set(faults)
    shares: Floats = np.array([1.0 / len(known & set(POOLS[episode.task_id])) for episode in episodes])
    return float(shares.mean()), float(np.sqrt((shares * (1 - shares)).sum()) / len(episodes))
