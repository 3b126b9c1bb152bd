"""Classifies by odd tokens: the one pair of tokens in code and configuration that, in public episodes, gave a fault away best."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from bench.validity.episodes import Episode
from domain.faults import POOLS

_TOKEN = re.compile(r"[A-Za-z_]\w*|-?\d+(?:\.\d+)?|[^\w\s]")
MIN_EPISODES = 3
"""A pair seen in fewer episodes is ignored."""


class OddTokens:
    """Learns pairs of neighbouring tokens, and the fault that each mostly went with."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, str]] = {}

    def fit(self, episodes: Sequence[Episode]) -> OddTokens:
        """Count the faults of each pair; a pair is the surer the fewer faults share it."""
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for episode in episodes:
            for pair in _pairs(episode):
                counts[pair][episode.fault_id] += 1
        for pair, faults in counts.items():
            (fault, hits), total = faults.most_common(1)[0], faults.total()
            if total >= MIN_EPISODES:
                self._known[pair] = (hits / (total + 1), fault)
        return self

    def name(self, episodes: Sequence[Episode]) -> list[str]:
        """The fault of the surest pair of each episode, among those of its task."""
        return [self._named(episode) for episode in episodes]

    def _named(self, episode: Episode) -> str:
        pool = POOLS[episode.task_id]
        found = [self._known[pair] for pair in _pairs(episode) if pair in self._known]
        return max((one for one in found if one[1] in pool), default=(0.0, pool[0]))[1]


def _pairs(episode: Episode) -> set[str]:
    pairs: set[str] = set()
    for artifact in ("config.yaml", "preprocessing.py"):
        tokens = _TOKEN.findall(episode.texts[artifact])
        pairs.update(f"{one} {two}" for one, two in zip(tokens, tokens[1:], strict=False))
    return pairs
