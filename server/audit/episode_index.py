"""Names of episodes by their scenario, in a temporary file: a store may have more of them than fit in memory."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import Iterable, Iterator, NamedTuple

NO_SCENARIO = ""
"""Stands for the digest of episodes whose reset cannot be read, or must not be shown."""
_TABLE = "CREATE TABLE episode (name TEXT PRIMARY KEY, digest TEXT NOT NULL, is_last INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID"


class NamedBatch(NamedTuple):
    """Episodes, mostly on one scenario."""

    digest: str
    """Of the scenario of all of them; empty if they have several or none."""
    names: tuple[str, ...]


class EpisodeIndex:
    """Adds names first, then their scenarios, then gives batches."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, names: Iterable[str]) -> None:
        self._connection.executemany(
            "INSERT OR IGNORE INTO episode (name, digest) VALUES (?, '')", ((name,) for name in names)
        )

    def set_scenarios(self, scenarios: Iterable[tuple[str, str]]) -> None:
        """Name and digest of each; names that were not added are left out."""
        rows = ((digest, name) for name, digest in scenarios)
        self._connection.executemany("UPDATE episode SET digest = ? WHERE name = ?", rows)

    def put_last(self, names: Iterable[str]) -> None:
        """Give these after all others, so that of a scenario those that are derived are in as few batches as possible."""
        self._connection.executemany("UPDATE episode SET is_last = 1 WHERE name = ?", ((name,) for name in names))

    def which(self, names: Iterable[str]) -> list[str]:
        """Those of the names that were added."""
        query = "SELECT 1 FROM episode WHERE name = ?"
        return [name for name in names if self._connection.execute(query, (name,)).fetchone() is not None]

    def __len__(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM episode").fetchone()[0])

    def count_scenarios(self) -> int:
        query = "SELECT count(DISTINCT digest) FROM episode WHERE digest <> ''"
        return int(self._connection.execute(query).fetchone()[0])

    def by_scenario(self) -> Iterator[tuple[str, str]]:
        """Digest and name of each, those without a scenario first."""
        for _, digest, name in self._in_order():
            yield digest, name

    def _in_order(self) -> Iterator[tuple[int, str, str]]:
        query = "SELECT is_last, digest, name FROM episode ORDER BY is_last, digest, name"
        # Not `yield from`, which would close the cursor of a connection that was closed before a generator that was left.
        for is_last, digest, name in self._connection.execute(query):  # noqa: UP028
            yield is_last, digest, name

    def drawn(self, count: int) -> list[str]:
        """So many names, drawn by lot."""
        query = "SELECT name FROM episode ORDER BY random() LIMIT ?"
        return [name for (name,) in self._connection.execute(query, (count,))]

    def groups(self, size: int) -> Iterator[NamedBatch]:
        """Batches of episodes on one scenario each; large groups are split."""
        for group, _ in self._groups(size, size):
            yield group

    def batches(self, size: int, size_of_last: int | None = None) -> Iterator[tuple[tuple[str, str], ...]]:
        """Name and digest of each, in batches in which small groups are joined, so that a small group is never generated twice.

        ``size_of_last``: of batches of those that were put last; None: as of the others.
        """
        waiting: tuple[tuple[str, str], ...] = ()
        was_last = False
        for group, is_last in self._groups(size, size_of_last or size):
            limit = (size_of_last or size) if is_last else size
            if waiting and (is_last != was_last or len(waiting) + len(group.names) > limit):
                yield waiting
                waiting = ()
            was_last = is_last
            waiting += tuple((name, group.digest) for name in group.names)
        if waiting:
            yield waiting

    def _groups(self, size: int, size_of_last: int) -> Iterator[tuple[NamedBatch, bool]]:
        """Groups, and whether they were put last."""
        waiting: list[str] = []
        of = (0, NO_SCENARIO)
        for is_last, digest, name in self._in_order():
            limit = size_of_last if of[0] else size
            if waiting and ((is_last, digest) != of or len(waiting) == limit):
                yield NamedBatch(of[1], tuple(waiting)), bool(of[0])
                waiting = []
            of = (is_last, digest)
            waiting.append(name)
        if waiting:
            yield NamedBatch(of[1], tuple(waiting)), bool(of[0])


@contextmanager
def open_index() -> Iterator[EpisodeIndex]:
    """An empty index in a file that is removed afterwards, of which SQLite keeps two megabytes in memory."""
    connection = sqlite3.connect("")
    try:
        connection.execute(_TABLE)
        yield EpisodeIndex(connection)
    finally:
        connection.close()
