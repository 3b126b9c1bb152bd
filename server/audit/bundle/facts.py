"""What is compared of the episodes of a bundle with what lies outside of them: heads and ranked attempts, in a temporary file.

A head takes a hundred bytes there and nothing in memory, however many episodes there are.
"""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterable, Iterator

from sqlalchemy import Connection, create_engine

from server.audit.bundle.episode_checks import CheckedBatch, CheckedEpisode
from server.audit.bundle.reader import BundleError
from server.audit.bundle.statement import HeadsSummary
from server.audit.checkpoints import StreamHead, hash_sorted_heads
from server.audit.report import StoreFinding
from server.storage.migrations import create_tables
from server.storage.schema import attempts, keys, rounds

_TABLES = """
PRAGMA journal_mode=OFF;
PRAGMA synchronous=OFF;
CREATE TABLE present (name TEXT PRIMARY KEY, version INTEGER, hash BLOB) WITHOUT ROWID;
CREATE TABLE expected (name TEXT, checkpoint INTEGER, version INTEGER, hash TEXT, is_met INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (name, checkpoint)) WITHOUT ROWID;
CREATE TABLE reached (name TEXT, checkpoint INTEGER, version INTEGER, hash BLOB, PRIMARY KEY (name, checkpoint)) WITHOUT ROWID;
"""
_NO_HASH = bytes(32)
_ABSENT = {"split": "train"}
"""What a column of a round is where the bundle was made before it was there."""
_MAX_VERSION = 2**53


class Facts:
    """Heads and attempts of the episodes that were read so far."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        """With tables of rounds, keys and attempts, from which boards are read."""
        self._driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
        self._driver.executescript(_TABLES)
        self._tracked: dict[int, int] = {}

    def expect(self, checkpoint: int, heads: Iterable[StreamHead]) -> None:
        """Heads that the episodes must go on from; ``checkpoint`` is a number of the caller's."""
        rows = ((each.stream_id, checkpoint, _bounded(each.version), each.hash) for each in heads)
        self._driver.executemany("INSERT OR REPLACE INTO expected VALUES (?, ?, ?, ?, 0)", rows)

    def track(self, checkpoint: int, position: int) -> None:
        """Keep the heads as they were up to a position."""
        self._tracked[checkpoint] = position

    def add(self, batch: CheckedBatch) -> list[StoreFinding]:
        """Add episodes; raises ``BundleError`` if there is one of that name."""
        return [found for each in batch.episodes for found in self._add(each)]

    def _add(self, each: CheckedEpisode) -> list[StoreFinding]:
        version, _, last = each.events[-1]
        try:
            self._driver.execute("INSERT INTO present VALUES (?, ?, ?)", (each.name, version, last))
        except sqlite3.IntegrityError as error:
            raise BundleError(f"it has two episodes of the name {each.name[:80]!r}") from error
        found = self._driver.execute("SELECT checkpoint, version, hash FROM expected WHERE name = ?", (each.name,))
        for checkpoint, expected, head in found.fetchall():
            if any(version == expected and hash.hex() == head for version, _, hash in each.events):
                self._driver.execute(
                    "UPDATE expected SET is_met = 1 WHERE name = ? AND checkpoint = ?", (each.name, checkpoint)
                )
        for checkpoint, until in self._tracked.items():
            reached = [one for one in each.events if one[1] is not None and one[1] <= until]
            if reached:
                self._driver.execute(
                    "INSERT INTO reached VALUES (?, ?, ?, ?)", (each.name, checkpoint, reached[-1][0], reached[-1][2])
                )
        return self._add_attempt(each)

    def _add_attempt(self, each: CheckedEpisode) -> list[StoreFinding]:
        if each.attempt is None:
            return []
        if self.connection.execute(attempts.insert().prefix_with("OR IGNORE"), each.attempt).rowcount:
            return []
        message = "another episode is the same attempt"
        return [StoreFinding(code="round", version=None, message=message, episode_id=each.name)]

    def summary(self) -> HeadsSummary:
        """Of all episodes."""
        count, events = self._driver.execute("SELECT count(*), coalesce(sum(version), 0) FROM present").fetchone()
        heads = self._driver.execute("SELECT name, version, hash FROM present ORDER BY name")
        return HeadsSummary(count, events, hash_sorted_heads(StreamHead(row[0], row[1], row[2].hex()) for row in heads))

    def expected_hash(self, checkpoint: int) -> str:
        """The hash over the heads that are expected by a checkpoint."""
        rows = self._driver.execute(
            "SELECT name, version, hash FROM expected WHERE checkpoint = ? ORDER BY name", (checkpoint,)
        )
        return hash_sorted_heads(StreamHead(*row) for row in rows)

    def reached_hash(self, checkpoint: int) -> str:
        """The hash over the heads up to the position of a checkpoint."""
        rows = self._driver.execute(
            "SELECT name, version, hash FROM reached WHERE checkpoint = ? ORDER BY name", (checkpoint,)
        )
        return hash_sorted_heads(StreamHead(row[0], row[1], row[2].hex()) for row in rows)

    def unmet(self, checkpoint: int) -> Iterator[tuple[str, int, bool]]:
        """Name, version, and whether it is there at all, of each episode that does not go on from a checkpoint."""
        yield from self._driver.execute(
            "SELECT name, version, EXISTS (SELECT 1 FROM present AS p WHERE p.name = e.name) FROM expected AS e "
            "WHERE checkpoint = ? AND NOT is_met ORDER BY name",
            (checkpoint,),
        )

    def has(self, name: str) -> bool:
        """Whether an episode of that name was read."""
        return self._driver.execute("SELECT 1 FROM present WHERE name = ?", (name,)).fetchone() is not None


@contextmanager
def open_facts() -> Iterator[Facts]:
    """Facts in a file that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="mlops-debug-verify-") as folder:
        engine = create_engine(f"sqlite:///{Path(folder) / 'facts.db'}")
        try:
            with engine.connect() as connection:
                create_tables(connection, is_guarded=False)
                connection.commit()
                yield Facts(connection)
        finally:
            engine.dispose()


def insert_manifest(connection: Connection, manifest: dict[str, Any]) -> None:
    """Insert the rounds and the keys, which boards are read from."""
    if manifest["rounds"]:
        connection.execute(rounds.insert().prefix_with("OR IGNORE"), [round_row(each) for each in manifest["rounds"]])
    if manifest["keys"]:
        filled = {"scopes": "agent", "secret_hash": _NO_HASH, "created_at": "", "revoked_at": None}
        named = [{name: each[name] for name in ("prefix", "name", "kind")} | filled for each in manifest["keys"]]
        connection.execute(keys.insert().prefix_with("OR IGNORE"), named)


def round_row(published: dict[str, Any]) -> dict[str, Any]:
    """The row of a round."""
    return {column.name: published.get(column.name, _ABSENT.get(column.name)) for column in rounds.columns}


def _bounded(version: int) -> int:
    """A version as it is; of one that no event can have, -1."""
    return version if 0 <= version <= _MAX_VERSION else -1
