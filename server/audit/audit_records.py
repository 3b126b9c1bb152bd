"""Records of what audits have derived: signed, so that a later audit need not derive it again.

Rule 1: a record states for each episode up to which event it was derived without a finding, and a fingerprint of all that the
derivation read: every stored byte of the events, rows, scenario, round and key. An episode whose fingerprint differs is derived again. Rule 2: a record
counts only if this store's key signed it and the same version of the program made it. Rule 3: records are written while an audit
goes on, so that an interrupted one is continued. Rule 4: every stored byte is read and compared in each audit; what is not derived again is what it was when it was.
"""

from __future__ import annotations

import hashlib
import json
import marshal
import sqlite3
import zlib
from typing import Any, Iterable, NamedTuple

from sqlalchemy import Connection, bindparam, func, select

from domain.chain import canonical, digest_of
from domain.episode.observation import OBSERVATION_VERSION
from domain.generator import GENERATOR_VERSION
from domain.rubric import RUBRICS
from server.audit.report import StoreFinding
from server.security.signing import Signer, is_signed_by
from server.storage.schema import audit_records
from server.version import VERSION

MAX_BODY_BYTES = 64 << 20
_NO_NOTES = "[]"
_MARSHAL_FORMAT = 2
"""The last one without references, which depend on how often an object is used and not on its value alone."""
_NEXT = (
    select(audit_records).where(audit_records.c.number > bindparam("after")).order_by(audit_records.c.number).limit(20)
)
_TABLE = """
CREATE TABLE derived (name TEXT PRIMARY KEY, version INTEGER, hash TEXT, fingerprint TEXT, notes TEXT, made_at TEXT) WITHOUT ROWID
"""


class DerivedEpisode(NamedTuple):
    """An episode that was derived without a finding."""

    name: str
    version: int
    hash: str
    """Of the event of that version, hex."""
    fingerprint: str
    notes: tuple[str, ...]
    made_at: str = ""
    """When it was recorded."""


def program() -> dict[str, Any]:
    """The versions on which the result of a derivation depends."""
    return {
        "server": VERSION,
        "generator": GENERATOR_VERSION,
        "observation": OBSERVATION_VERSION,
        "rubrics": sorted(RUBRICS),
    }


def fingerprint_of(*read: Any) -> str:
    """SHA-256 over all that a derivation read: texts, numbers, bytes and None, and tuples and lists of them.

    Different values have different bytes, because each can be read back from its own, and equal ones equal bytes, because this form
    has no references. It takes a tenth of the time of a representation as text.
    """
    return hashlib.sha256(marshal.dumps(read, _MARSHAL_FORMAT)).hexdigest()


def draft_record(signer: Signer, derived: Iterable[DerivedEpisode], *, now: str) -> tuple[dict[str, Any], bytes]:
    """A signed record and its body."""
    listed = list(derived)
    lines = [json.dumps([*each[:4], list(each.notes)]) + "\n" for each in listed]
    body = zlib.compress("".join(lines).encode(), 6)
    statement = {
        "kind": "audit",
        "program": program(),
        "episodes": len(listed),
        "events": sum(each.version for each in listed),
        "body_hash": digest_of(body).hex(),
        "made_at": now,
    }
    return signer.sign(statement), body


def store_record(connection: Connection, signed: dict[str, Any], body: bytes) -> int:
    """Insert it; returns its number."""
    number = int(connection.execute(select(func.coalesce(func.max(audit_records.c.number), 0))).scalar_one()) + 1
    connection.execute(
        audit_records.insert().values(
            number=number,
            statement=canonical(signed["statement"]).decode(),
            public_key=signed["public_key"],
            signature=signed["signature"],
            body=body,
        )
    )
    return number


def drop_records_before(connection: Connection, number: int) -> None:
    """Remove the records that those from ``number`` on replace, because they are of every episode."""
    connection.execute(audit_records.delete().where(audit_records.c.number < number))


class Derived:
    """What earlier audits have derived, in a table of a temporary file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        connection.execute(_TABLE)
        self._connection = connection
        self.latest: str | None = None
        """When the newest of the records was made. None: there is none that counts."""
        self.by_others = 0
        """Episodes in records of other versions of the program."""

    def load(self, connection: Connection, public_key: str) -> list[StoreFinding]:
        """Read all records; returns what is wrong with them."""
        found: list[StoreFinding] = []
        after = 0
        while rows := connection.execute(_NEXT, {"after": after}).all():
            for row in rows:
                found += self._load(row, public_key)
            after = rows[-1].number
        return found

    def _load(self, row: Any, public_key: str) -> list[StoreFinding]:
        try:
            statement = json.loads(row.statement)
            signed = {"statement": statement, "public_key": row.public_key, "signature": row.signature}
            if not is_signed_by(public_key, signed) or statement["kind"] != "audit":
                return [record_finding(f"the record {row.number} of an audit is not signed by the key of this store")]
            if statement["body_hash"] != digest_of(row.body).hex():
                return [record_finding(f"the record {row.number} of an audit is not the one that was signed")]
            if statement["program"] != program():
                self.by_others += statement["episodes"]
                return []
            lines = zlib.decompressobj().decompress(row.body, MAX_BODY_BYTES).decode().splitlines()
            self._insert(json.loads(f"[{','.join(lines)}]"), statement["made_at"])  # at once: a third of the time
        except (ValueError, TypeError, LookupError, zlib.error):
            return [record_finding(f"the record {row.number} of an audit cannot be read")]
        return []

    def _insert(self, lines: Iterable[list[Any]], made_at: str) -> None:
        rows = ((*each[:4], json.dumps(each[4]) if each[4] else _NO_NOTES, made_at) for each in lines)
        self._connection.executemany("INSERT OR REPLACE INTO derived VALUES (?, ?, ?, ?, ?, ?)", rows)
        self.latest = max(self.latest or "", made_at)

    def of(self, names: Iterable[str]) -> dict[str, DerivedEpisode]:
        """Those of the names that were derived."""
        found = {}
        for name in names:
            row = self._connection.execute("SELECT * FROM derived WHERE name = ?", (name,)).fetchone()
            if row is not None:
                found[name] = to_derived(*row)
        return found


def to_derived(name: str, version: int, last: str, fingerprint: str, notes: str, made_at: str) -> DerivedEpisode:
    """Of a row of the table."""
    listed = () if notes == _NO_NOTES else tuple(json.loads(notes))
    return DerivedEpisode(name, version, last, fingerprint, listed, made_at)


def record_finding(message: str, episode_id: str | None = None) -> StoreFinding:
    """Of a record, or of what it says of an episode."""
    return StoreFinding(code="record", version=None, message=message, episode_id=episode_id)
