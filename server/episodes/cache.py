"""LRU cache of episode snapshots. Any of them can be dropped, because each can be folded from the log again."""

from __future__ import annotations

from collections import OrderedDict

from server.storage.stream_codec import EpisodeSnapshot, fold_links
from server.store import EventStore


class EpisodeCache:
    """The snapshots of the most recently used episodes."""

    def __init__(self, store: EventStore, *, limit: int) -> None:
        self._store = store
        self._limit = limit
        self._snapshots: OrderedDict[str, EpisodeSnapshot] = OrderedDict()
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._snapshots)

    def find(self, episode_id: str) -> EpisodeSnapshot | None:
        """The cached snapshot; None if it is not cached, whether or not the episode exists."""
        current = self._snapshots.get(episode_id)
        if current is not None:
            self.hits += 1
            self._snapshots.move_to_end(episode_id)
        return current

    async def load(self, episode_id: str, *, refresh: bool = False) -> EpisodeSnapshot | None:
        """The snapshot of an episode; None: it does not exist. With ``refresh`` it is read from the log, because another
        server on the same database may have continued the episode."""
        current = None if refresh else self._snapshots.get(episode_id)
        if current is None:
            self.misses += 1
            links = await self._store.read(episode_id)
            if not links:
                return None
            current = fold_links(links)
        self.keep(episode_id, current)
        return current

    def keep(self, episode_id: str, current: EpisodeSnapshot) -> None:
        self._snapshots[episode_id] = current
        self._snapshots.move_to_end(episode_id)
        while len(self._snapshots) > self._limit:
            self._snapshots.popitem(last=False)

    def drop(self, episode_id: str) -> None:
        self._snapshots.pop(episode_id, None)
