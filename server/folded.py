"""Folded episodes in memory: a bounded number, any of which can be dropped, because the log has them all."""

from __future__ import annotations

from collections import OrderedDict

from server.folding import FoldedEpisode, fold_links
from server.store import EventStore


class FoldedEpisodes:
    """The folds of the episodes that were played last."""

    def __init__(self, store: EventStore, *, limit: int) -> None:
        self._store = store
        self._limit = limit
        self._held: OrderedDict[str, FoldedEpisode] = OrderedDict()
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._held)

    def find(self, episode_id: str) -> FoldedEpisode | None:
        """The fold of an episode where it is held; null says nothing of the log."""
        current = self._held.get(episode_id)
        if current is not None:
            self.hits += 1
            self._held.move_to_end(episode_id)
        return current

    async def load(self, episode_id: str, *, again: bool = False) -> FoldedEpisode | None:
        """The fold of an episode; null: there is none. With ``again`` from the log, whatever is held: another server
        on the same database may have gone on with it."""
        current = None if again else self._held.get(episode_id)
        if current is None:
            self.misses += 1
            links = await self._store.read(episode_id)
            if not links:
                return None
            current = fold_links(links)
        self.keep(episode_id, current)
        return current

    def keep(self, episode_id: str, current: FoldedEpisode) -> None:
        self._held[episode_id] = current
        self._held.move_to_end(episode_id)
        while len(self._held) > self._limit:
            self._held.popitem(last=False)

    def drop(self, episode_id: str) -> None:
        self._held.pop(episode_id, None)
