"""Bundles of format 1, which have events, scenarios and receipts apart: brought together in a temporary file, not in memory."""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from typing import Any, Iterator

from server.audit.bundle.episodes import RawBatch, RawEpisode, in_batches, parse_event_1, parse_scenario
from server.audit.bundle.reader import OpenBundle, parse_bounded

_TABLES = """
CREATE TABLE event (name TEXT, version INTEGER, place INTEGER, line BLOB, PRIMARY KEY (name, version, place)) WITHOUT ROWID;
CREATE TABLE episode (digest TEXT, name TEXT, PRIMARY KEY (digest, name)) WITHOUT ROWID;
CREATE TABLE scenario (digest TEXT PRIMARY KEY, line BLOB);
CREATE TABLE receipt (name TEXT, place INTEGER, line BLOB, PRIMARY KEY (name, place)) WITHOUT ROWID;
"""
_NO_EPISODE = ""
"""Stands for the name of receipts that name no episode."""


@contextmanager
def gathered_batches(bundle: OpenBundle) -> Iterator[Iterator[RawBatch]]:
    """The batches of a bundle of format 1, each episode with its receipts. Receipts of no episode are those of episodes without
    events."""
    gathered = sqlite3.connect("")  # a temporary file, of which SQLite keeps two megabytes in memory
    try:
        gathered.executescript(_TABLES)
        _gather(gathered, bundle)
        yield in_batches(_episodes(gathered))
    finally:
        gathered.close()


def _gather(gathered: sqlite3.Connection, bundle: OpenBundle) -> None:
    for place, line in enumerate(bundle.lines("events.jsonl")):
        name, version, kind, payload = parse_event_1(line)
        gathered.execute("INSERT INTO event VALUES (?, ?, ?, ?)", (name, version, place, line))
        if kind == "reset" and version == 1:
            gathered.execute("INSERT OR IGNORE INTO episode VALUES (?, ?)", (_scenario_of(payload), name))
    for line in bundle.lines("scenarios.jsonl"):
        gathered.execute("INSERT OR REPLACE INTO scenario VALUES (?, ?)", (parse_scenario(line).digest, line))
    for place, line in enumerate(bundle.lines("receipts.jsonl")):
        gathered.execute("INSERT INTO receipt VALUES (?, ?, ?)", (_episode_of(parse_bounded(line)), place, line))
    # What has no readable reset is verified without a scenario; what has two, only once.
    gathered.execute(
        "INSERT OR IGNORE INTO episode SELECT DISTINCT '', name FROM event WHERE name NOT IN (SELECT name FROM episode)"
    )
    gathered.execute(
        "INSERT OR IGNORE INTO episode SELECT DISTINCT '', name FROM receipt WHERE name NOT IN (SELECT name FROM episode)"
    )
    gathered.execute(
        "DELETE FROM episode AS one WHERE EXISTS (SELECT 1 FROM episode AS other WHERE other.name = one.name AND other.digest < one.digest)"
    )
    gathered.commit()


def _scenario_of(payload: str | None) -> str:
    """The digest that a reset names; empty: it is withheld, or names none."""
    try:
        reset = json.loads(payload or "{}")
    except (ValueError, RecursionError):
        return ""
    named = reset.get("scenario_digest") if isinstance(reset, dict) else None
    return named if isinstance(named, str) else ""


def _episode_of(receipt: Any) -> str:
    statement = receipt.get("statement") if isinstance(receipt, dict) else None
    named = statement.get("episode_id") if isinstance(statement, dict) else None
    return named if isinstance(named, str) else _NO_EPISODE


def _episodes(gathered: sqlite3.Connection) -> Iterator[tuple[bytes | None, RawEpisode]]:
    digest_before, scenario = None, None
    for digest, name in gathered.execute("SELECT digest, name FROM episode ORDER BY digest, name"):
        if digest != digest_before:
            digest_before = digest
            found = gathered.execute("SELECT line FROM scenario WHERE digest = ?", (digest,)).fetchone()
            scenario = found[0] if found is not None else None
        yield scenario, RawEpisode(_lines(gathered, "event", name), name, _lines(gathered, "receipt", name))


def _lines(gathered: sqlite3.Connection, table: str, name: str) -> tuple[bytes, ...]:
    order = "version, place" if table == "event" else "place"
    query = f"SELECT line FROM {table} WHERE name = ? ORDER BY {order}"
    return tuple(line for (line,) in gathered.execute(query, (name,)))
