"""Boards of rounds, computed beside the event loop, once for all who ask, and again only when something has changed.

A board follows from attempts, audits, regrades, keys and rounds. Rule: it is kept with a version of the database that was
read before it, and answered again while the version is the same. While the round is open, it has no means by fault.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any, Callable, Hashable, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.json import encode_json
from server.episodes.service import Episodes
from server.ranking.board import hide_faults
from server.ranking.leaderboard import read_board
from server.ranking.reference_solvers import solvers_of_board
from server.storage.connections import NotOurDatabaseError, fetch_all, run_read
from server.storage.errors import StoreUnavailableError
from server.store import EventStore
from server.threads import BOARDS, run_on_own_loop

MAX_BOARDS = 8
_SNAPSHOT = text("SELECT pg_current_snapshot()::text AS snapshot")


class Board(NamedTuple):
    """The board of a round."""

    document: dict[str, Any]
    json: bytes
    """The same, as it is sent."""


class _Kept(NamedTuple):
    version: Hashable
    board: asyncio.Task[Board]


class BoardCache:
    """The boards that were asked for last."""

    def __init__(
        self,
        database_url: str,
        reader: AsyncEngine,
        store: EventStore,
        episodes: Episodes,
        *,
        check: Callable[[], None],
    ) -> None:
        self._database_url = database_url
        self._reader = reader
        self._store = store
        self._episodes = episodes
        self._check = check
        self._kept: OrderedDict[tuple[tuple[str, str | None], ...], _Kept] = OrderedDict()
        self.computed = 0

    async def get(self, **wanted: str | None) -> Board:
        """The board of a round; see `leaderboard.read_board`."""
        self._check()
        version = await self._version()
        key = tuple(sorted(wanted.items()))
        kept = self._kept.get(key)
        # One that is being computed is for the version of its beginning, like one that is done.
        if kept is None or version is None or kept.version != version or _has_failed(kept.board):
            kept = self._kept[key] = _Kept(version, asyncio.create_task(self._compute(wanted)))
        self._kept.move_to_end(key)
        while len(self._kept) > MAX_BOARDS:
            self._kept.popitem(last=False)
        return await asyncio.shield(kept.board)

    async def _version(self) -> Hashable:
        """Differs from an earlier one wherever a board may; None: not known."""
        if self._reader.dialect.name == "postgresql":
            # The transactions that can be seen: whatever was committed meanwhile is not among those of an earlier snapshot.
            return str((await fetch_all(self._reader, _SNAPSHOT))[0].snapshot)
        foreign_writes, own_changes = await self._store.foreign_writes(), self._episodes.attempt_changes
        return None if foreign_writes is None or own_changes is None else (foreign_writes, own_changes)

    async def _compute(self, wanted: dict[str, str | None]) -> Board:
        self.computed += 1
        return await run_on_own_loop(BOARDS, lambda: self._read(wanted))

    async def _read(self, wanted: dict[str, str | None]) -> Board:
        try:
            document = await run_read(self._database_url, lambda opened: read_board(opened, **wanted))
        except NotOurDatabaseError as error:
            raise StoreUnavailableError(str(error)) from error
        if document["closed_at"] is None:
            document = hide_faults(document)
        document = {**document, "reference_solvers": solvers_of_board(document)}
        return Board(document, encode_json(document))


def _has_failed(task: asyncio.Task[Board]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
