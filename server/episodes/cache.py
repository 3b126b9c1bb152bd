"""LRU cache of episode snapshots. Any of them can be dropped, because each can be folded from the log again.

Rule 1: what is kept with the number of the last foreign write before it was read or written is what the log contains, as long
as there is no later one. Rule 2: without numbers (PostgreSQL) only the log says what it contains.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from server.storage.stream_codec import EpisodeSnapshot, fold_links
from server.storage.writers.protocol import ForeignWrites, is_current
from server.store import EventStore


class _Kept(NamedTuple):
    snapshot: EpisodeSnapshot
    foreign_writes: ForeignWrites
    """From before it was read or written; None: not known."""


class EpisodeCache:
    """The snapshots of the most recently used episodes."""

    def __init__(self, store: EventStore, *, limit: int) -> None:
        self._store = store
        self._limit = limit
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, episode_id: str) -> bool:
        return episode_id in self._kept

    def find(self, episode_id: str) -> EpisodeSnapshot | None:
        """The cached snapshot; None if it is not cached, whether or not the episode exists."""
        kept = self._kept.get(episode_id)
        if kept is None:
            return None
        self.hits += 1
        self._kept.move_to_end(episode_id)
        return kept.snapshot

    async def load(self, episode_id: str, *, refresh: bool = False) -> EpisodeSnapshot | None:
        """The snapshot of an episode; None: it does not exist. With ``refresh`` it is what the log contains now, because
        another server on the same database may have continued the episode. Called with the lock of the episode."""
        kept = self._kept.get(episode_id)
        if kept is not None and not refresh:
            return kept.snapshot
        foreign_writes = await self._store.foreign_writes((episode_id,))
        if kept is not None and is_current(kept.foreign_writes, foreign_writes):
            self.hits += 1
            return kept.snapshot
        self.misses += 1
        links = await self._store.read(episode_id)
        if not links:
            self.drop(episode_id)
            return None
        current = fold_links(links)
        self.keep(episode_id, current, foreign_writes)
        return current

    def keep(self, episode_id: str, current: EpisodeSnapshot, foreign_writes: ForeignWrites) -> None:
        """Cache a snapshot; ``foreign_writes``: from before it was read or written."""
        self._kept[episode_id] = _Kept(current, foreign_writes)
        self._kept.move_to_end(episode_id)
        while len(self._kept) > self._limit:
            self._kept.popitem(last=False)

    def drop(self, episode_id: str) -> None:
        self._kept.pop(episode_id, None)
