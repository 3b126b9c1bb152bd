"""Names of episodes by their scenario, in a temporary file: a store may have more of them than fit in memory."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from itertools import count
from typing import Iterable, Iterator, NamedTuple

NO_SCENARIO = ""
"""Stands for the digest of episodes whose reset cannot be read, or must not be shown."""
_TABLE = """
CREATE TABLE episode (
    name TEXT PRIMARY KEY, digest TEXT NOT NULL, place INTEGER NOT NULL, is_known INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID
"""
_INSERT = "INSERT OR IGNORE INTO episode (name, digest, place) VALUES (?, ?, ?)"


class NamedBatch(NamedTuple):
    """Episodes, mostly on one scenario."""

    digest: str
    """Of the scenario of all of them; empty if they have several or none."""
    names: tuple[str, ...]


class EpisodeIndex:
    """Adds names first, then their scenarios, then gives batches."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        """Of its file, in which what is compared with the names may lie as well."""
        self._places = count()

    def add(self, names: Iterable[str]) -> None:
        self.add_with_scenarios((name, NO_SCENARIO) for name in names)

    def add_with_scenarios(self, scenarios: Iterable[tuple[str, str]]) -> None:
        """Name and digest of each. Names that are there already are left as they are."""
        rows = ((name, digest, next(self._places)) for name, digest in scenarios)
        self.connection.executemany(_INSERT, rows)

    def set_scenarios(self, scenarios: Iterable[tuple[str, str]]) -> None:
        """Name and digest of each; names that were not added are left out."""
        rows = ((digest, name) for name, digest in scenarios)
        self.connection.executemany("UPDATE episode SET digest = ? WHERE name = ?", rows)

    def leave_out_those_in(self, table: str) -> int:
        """Give the names in a table of the same file in no batch; returns how many of them there are."""
        query = f"UPDATE episode SET is_known = 1 WHERE name IN (SELECT name FROM {table})"
        return self.connection.execute(query).rowcount

    def take_up_again(self, names: Iterable[str]) -> None:
        """Give these in the batches after all."""
        self.connection.executemany("UPDATE episode SET is_known = 0 WHERE name = ?", ((name,) for name in names))

    def which(self, names: Iterable[str]) -> list[str]:
        """Those of the names that were added."""
        query = "SELECT 1 FROM episode WHERE name = ?"
        return [name for name in names if self.connection.execute(query, (name,)).fetchone() is not None]

    def __len__(self) -> int:
        return self._count("SELECT count(*) FROM episode")

    def count_scenarios(self) -> int:
        return self._count("SELECT count(DISTINCT digest) FROM episode WHERE digest <> ''")

    def count_left(self) -> tuple[int, int]:
        """How many episodes the batches have, and on how many scenarios."""
        return (
            self._count("SELECT count(*) FROM episode WHERE NOT is_known"),
            self._count("SELECT count(DISTINCT digest) FROM episode WHERE NOT is_known AND digest <> ''"),
        )

    def _count(self, query: str) -> int:
        return int(self.connection.execute(query).fetchone()[0])

    def _in_order(self) -> Iterator[tuple[str, str]]:
        query = "SELECT digest, name FROM episode WHERE NOT is_known ORDER BY digest, name"
        # Not `yield from`, which would close the cursor of a connection that was closed before a generator that was left.
        for digest, name in self.connection.execute(query):  # noqa: UP028
            yield digest, name

    def drawn(self, count: int) -> list[str]:
        """So many names, drawn by lot."""
        query = "SELECT name FROM episode ORDER BY random() LIMIT ?"
        return [name for (name,) in self.connection.execute(query, (count,))]

    def groups(self, size: int) -> Iterator[NamedBatch]:
        """Batches of episodes on one scenario each, those without a scenario first; large groups are split."""
        waiting: list[str] = []
        of = NO_SCENARIO
        for digest, name in self._in_order():
            if waiting and (digest != of or len(waiting) == size):
                yield NamedBatch(of, tuple(waiting))
                waiting = []
            of = digest
            waiting.append(name)
        if waiting:
            yield NamedBatch(of, tuple(waiting))

    def batches(self, size: int) -> Iterator[tuple[tuple[str, str], ...]]:
        """Name and digest of each, in batches in which small groups are joined, so that a small group is never generated twice."""
        waiting: tuple[tuple[str, str], ...] = ()
        for group in self.groups(size):
            if waiting and len(waiting) + len(group.names) > size:
                yield waiting
                waiting = ()
            waiting += tuple((name, group.digest) for name in group.names)
        if waiting:
            yield waiting


@contextmanager
def open_index() -> Iterator[EpisodeIndex]:
    """An empty index in a file that is removed afterwards, of which SQLite keeps two megabytes in memory."""
    connection = sqlite3.connect("")
    try:
        connection.execute(_TABLE)
        yield EpisodeIndex(connection)
    finally:
        connection.close()
