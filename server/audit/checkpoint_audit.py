"""Compares the store with checkpoints: those in its own table, and a copy that was stored elsewhere."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple

from sqlalchemy import Connection, bindparam, select

from domain.chain import canonical
from server.audit.checkpoints import (
    StreamHead,
    hash_sorted_heads,
    heads_hash,
    iterate_heads,
    read_checkpoint_of,
    read_checkpoints,
    statement_hash,
)
from server.audit.report import StoreFinding
from server.security.signing import is_signed_by
from server.storage.schema import events, rounds

_HASH = select(events.c.hash).where(
    events.c.stream_id == bindparam("of_stream"), events.c.version == bindparam("at_version")
)
_LAST_VERSION = (
    select(events.c.version).where(events.c.stream_id == bindparam("of_stream")).order_by(events.c.version.desc())
)


class CheckpointFileError(ValueError):
    """The file is no checkpoint."""


class Checkpoint(NamedTuple):
    """A checkpoint from a file or an HTTP response, with its shape checked and its signature not."""

    signed: dict[str, Any]
    """Statement, public key and signature."""
    heads: tuple[StreamHead, ...] | None
    """None: it is a statement alone, as GET /checkpoint gives it."""

    @property
    def statement(self) -> dict[str, Any]:
        return dict(self.signed["statement"])


def read_checkpoint(given: Any) -> Checkpoint:
    """From a file's content or from the answer of GET /checkpoint; raises ``CheckpointFileError``."""
    try:
        if isinstance(given.get("checkpoint"), dict):
            given = given["checkpoint"]
        statement = given["statement"]
        shapes = {"number": int, "position": int, "streams": int, "heads_hash": str, "rounds": list, "made_at": str}
        well_formed = statement["kind"] == "checkpoint" and all(
            isinstance(statement[name], kind) for name, kind in shapes.items()
        )
        named = all(isinstance(each["round"], str) and each["commitment"] for each in statement["rounds"])
        heads = given.get("heads")
        listed = None if heads is None else tuple(StreamHead(*each) for each in heads)
        in_shape = all((type(each[0]), type(each[1]), type(each[2])) == (str, int, str) for each in listed or ())
        if not (well_formed and named and in_shape):
            raise ValueError
        return Checkpoint({name: given[name] for name in ("statement", "public_key", "signature")}, listed)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise CheckpointFileError("this is no checkpoint: mlops-debug checkpoint --out FILE writes one") from error


def audit_stored_checkpoints(connection: Connection, public_key: str | None) -> list[StoreFinding]:
    """The store's own checkpoints: signed, one after another, the newest true of the present heads, and every one true of
    the present rounds.

    Args:
        connection: to the store.
        public_key: the key that must have signed; None: the key that each checkpoint names, which proves less.
    """
    found: list[StoreFinding] = []
    previous: dict[str, Any] | None = None
    present = read_round_rows(connection)
    changed: dict[str, None] = {}
    for signed in read_checkpoints(connection):
        statement = signed["statement"]
        if not is_signed_by(public_key or signed["public_key"], signed):
            found.append(_finding(f"checkpoint {statement['number']} is not signed by the key of this store"))
        found += _check_follows(previous, statement)
        changed |= dict.fromkeys(check_rounds(statement, present))
        previous = statement
    found += [_finding(each) for each in changed]
    if previous is not None and _present_hash(connection, previous) != previous["heads_hash"]:
        found.append(
            _finding(f"the episodes are not those of checkpoint {previous['number']}; compare them with its file")
        )
    return found


def _present_hash(connection: Connection, statement: Mapping[str, Any]) -> str:
    """The hash over the present heads up to the position of a checkpoint."""
    return hash_sorted_heads(iterate_heads(connection, statement["position"]))


def check_chain(statements: Iterable[Mapping[str, Any]]) -> list[StoreFinding]:
    """Findings where a statement does not follow the one before it."""
    found: list[StoreFinding] = []
    previous: Mapping[str, Any] | None = None
    for statement in statements:
        found += _check_follows(previous, statement)
        previous = statement
    return found


def _check_follows(previous: Mapping[str, Any] | None, statement: Mapping[str, Any]) -> list[StoreFinding]:
    expected = (previous["number"] + 1, statement_hash(dict(previous))) if previous is not None else (1, None)
    if (statement["number"], statement["previous_hash"]) == expected:
        return []
    return [_finding(f"checkpoint {statement['number']} does not follow the one before it")]


def read_round_rows(connection: Connection) -> dict[str, Mapping[Any, Any]]:
    """The rows of all rounds."""
    return {row.round_id: row._mapping for row in connection.execute(select(rounds))}


def check_rounds(statement: Mapping[str, Any], present: Mapping[str, Mapping[Any, Any]]) -> list[str]:
    """Differences between the rounds of a statement and the present ones. A round may only go from open to closed."""
    found = []
    for then in statement["rounds"]:
        name, now = then["round"], present.get(then["round"])
        if now is None:
            found.append(f"round {name} is gone; a checkpoint names it")
            continue
        if now["commitment"] != then["commitment"]:
            found.append(f"round {name} is committed to another secret than at a checkpoint")
        if then.get("closed_at") is not None and now["closed_at"] != then["closed_at"]:
            closed = f"closed at {now['closed_at']}" if now["closed_at"] is not None else "open"
            found.append(f"round {name} is {closed}; by a checkpoint it was closed at {then['closed_at']}")
        found += [
            f"{column} of round {name} is {now[column]}; at a checkpoint it was {value}"
            for column, value in then.items()
            if column not in ("round", "commitment", "closed_at") and column in now and now[column] != value
        ]
    return found


def audit_against_checkpoint(connection: Connection, given: Any, public_key: str | None) -> list[StoreFinding]:
    """A checkpoint from elsewhere, as a file or as GET /checkpoint gives it; raises ``CheckpointFileError`` where it is
    none."""
    checkpoint = read_checkpoint(given)
    statement = checkpoint.statement
    if not is_signed_by(public_key or checkpoint.signed["public_key"], checkpoint.signed):
        return [_finding("the checkpoint is not signed by the key that it should be signed by")]
    found = _compare_chain(connection, statement)
    found += [_finding(each) for each in check_rounds(statement, read_round_rows(connection))]
    if checkpoint.heads is None:
        if _present_hash(connection, statement) != statement["heads_hash"]:
            found.append(_finding("the episodes are not those of the checkpoint"))
        return found
    if heads_hash(checkpoint.heads) != statement["heads_hash"]:
        return [*found, _finding("the list of heads is not the one that was signed")]
    for head in checkpoint.heads:
        fault = _compare_head(connection, head)
        if fault is not None:
            found.append(_finding(fault, head.stream_id))
    return found


def _compare_head(connection: Connection, head: StreamHead) -> str | None:
    """What changed in an episode since the checkpoint; None: nothing, or it has more events."""
    stored = connection.execute(_HASH, {"of_stream": head.stream_id, "at_version": head.version}).scalar()
    if isinstance(stored, bytes) and stored.hex() == head.hash:
        return None
    if stored is not None:
        return f"version {head.version} is not the one of the checkpoint: history was changed"
    last = connection.execute(_LAST_VERSION, {"of_stream": head.stream_id}).scalar()
    if last is None:
        return f"it is gone; at the checkpoint it had {head.version} events"
    return f"it ends at version {last}; at the checkpoint it had {head.version} events"


def _compare_chain(connection: Connection, statement: dict[str, Any]) -> list[StoreFinding]:
    """A checkpoint that the store does not have shows an older copy or a lost row."""
    stored = read_checkpoint_of(connection, statement["number"])
    if stored is None:
        return [_finding(f"the store has no checkpoint {statement['number']}: it is an older copy, or lost it")]
    if canonical(stored["statement"]) != canonical(statement):
        return [_finding(f"the store has another checkpoint {statement['number']}")]
    return []


def _finding(message: str, episode_id: str | None = None) -> StoreFinding:
    return StoreFinding(code="checkpoint", version=None, message=message, episode_id=episode_id)
