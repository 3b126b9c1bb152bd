"""Holds the store against checkpoints: those it keeps itself, and one that was kept elsewhere."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from sqlalchemy import Connection, bindparam, select

from domain.chain import canonical
from server.checkpoints import StreamHead, heads_hash, read_all, read_heads, statement_hash
from server.findings import StoreFinding
from server.signing import is_signed_by
from server.tables import events

_HASH = select(events.c.hash).where(
    events.c.stream_id == bindparam("of_stream"), events.c.version == bindparam("at_version")
)
_COUNT = select(events.c.version).where(events.c.stream_id == bindparam("of_stream")).order_by(events.c.version.desc())


class CheckpointFileError(ValueError):
    """The file is no checkpoint."""


def audit_kept(connection: Connection, public_key: str | None) -> list[StoreFinding]:
    """The store's own checkpoints: signed, one after another, and the newest true of the present heads.

    Args:
        connection: to the store.
        public_key: whose signatures are good; null: whatever key each names, which proves less.
    """
    found: list[StoreFinding] = []
    previous: dict[str, Any] | None = None
    for signed in read_all(connection):
        statement = signed["statement"]
        if not is_signed_by(public_key or signed["public_key"], signed):
            found.append(_finding(f"checkpoint {statement['number']} is not signed by the key of this store"))
        expected = (previous["number"] + 1, statement_hash(previous)) if previous is not None else (1, None)
        if (statement["number"], statement["previous_hash"]) != expected:
            found.append(_finding(f"checkpoint {statement['number']} does not follow the one before it"))
        previous = statement
    if previous is not None and heads_hash(read_heads(connection, previous["position"])) != previous["heads_hash"]:
        found.append(
            _finding(f"the episodes are not those of checkpoint {previous['number']}; hold them against its file")
        )
    return found


def audit_against(connection: Connection, signed: Any, public_key: str | None) -> list[StoreFinding]:
    """A checkpoint from elsewhere, as a file or as GET /checkpoint gives it; raises ``CheckpointFileError`` where it is
    none."""
    if isinstance(signed, dict) and isinstance(signed.get("checkpoint"), dict):
        signed = signed["checkpoint"]
    statement = _statement(signed)
    if not is_signed_by(
        public_key or signed["public_key"], {key: signed[key] for key in ("statement", "public_key", "signature")}
    ):
        return [_finding("the checkpoint is not signed by the key that it should be signed by")]
    found = _compare_chain(connection, statement)
    heads = signed.get("heads")
    if heads is None:
        if heads_hash(read_heads(connection, statement["position"])) != statement["heads_hash"]:
            found.append(_finding("the episodes are not those of the checkpoint"))
        return found
    listed = [StreamHead(*each) for each in heads]
    if heads_hash(listed) != statement["heads_hash"]:
        return [*found, _finding("the list of heads is not the one that was signed")]
    for head in listed:
        fault = _compare_head(connection, head)
        if fault is not None:
            found.append(_finding(fault, head.stream_id))
    return found


def _statement(signed: Any) -> dict[str, Any]:
    try:
        statement = signed["statement"]
        if statement["kind"] != "checkpoint":
            raise KeyError("kind")
        signed["public_key"], signed["signature"], statement["position"], statement["heads_hash"], statement["rounds"]
    except (KeyError, TypeError) as error:
        raise CheckpointFileError("this is no checkpoint: mlops-debug checkpoint --out FILE writes one") from error
    return dict(statement)


def _compare_head(connection: Connection, head: StreamHead) -> str | None:
    """What became of an episode since; null: it is the same, or went on."""
    stored = connection.execute(_HASH, {"of_stream": head.stream_id, "at_version": head.version}).scalar()
    if isinstance(stored, bytes) and stored.hex() == head.hash:
        return None
    if stored is not None:
        return f"version {head.version} is not the one of the checkpoint: history was changed"
    last = connection.execute(_COUNT, {"of_stream": head.stream_id}).scalar()
    if last is None:
        return f"it is gone; at the checkpoint it had {head.version} events"
    return f"it ends at version {last}; at the checkpoint it had {head.version} events"


def _compare_chain(connection: Connection, statement: dict[str, Any]) -> list[StoreFinding]:
    """The store still knows this checkpoint, unless it is an older copy, and the rounds it names."""
    kept = {each["statement"]["number"]: each["statement"] for each in read_all(connection)}
    mine = kept.get(statement["number"])
    found = []
    if mine is None:
        found.append(_finding(f"the store has no checkpoint {statement['number']}: it is an older copy, or lost it"))
    elif canonical(mine) != canonical(statement):
        found.append(_finding(f"the store has another checkpoint {statement['number']}"))
    latest = max(kept) if kept else None
    committed = {each["round"]: each["commitment"] for each in (kept[latest]["rounds"] if latest is not None else [])}
    for each in statement["rounds"]:
        if mine is not None and committed.get(each["round"]) != each["commitment"]:
            found.append(_finding(f"round {each['round']} is committed to another secret than at the checkpoint"))
    return found


def _finding(message: str, episode_id: str | None = None) -> StoreFinding:
    return StoreFinding(code="checkpoint", version=None, message=message, episode_id=episode_id)


def compare_listed(
    signed: Any,
    public_key: str,
    hashes: Mapping[str, Mapping[int, str]],
    of_round: str | None,
    committed: Sequence[Mapping[str, Any]],
) -> list[StoreFinding]:
    """A checkpoint with its list of heads, against episodes at hand: those of a round, or all.

    Args:
        signed: the checkpoint.
        public_key: whose signature is good.
        hashes: episode to version to hash.
        of_round: the round whose episodes are at hand; null: all are.
        committed: rounds with their commitments.
    """
    try:
        statement = _statement(signed)
        listed = [StreamHead(*each) for each in signed["heads"]]
    except (CheckpointFileError, KeyError, TypeError):
        return [_finding("the checkpoint cannot be read")]
    if not is_signed_by(public_key, {key: signed[key] for key in ("statement", "public_key", "signature")}):
        return [_finding("the checkpoint is not signed by this key")]
    if heads_hash(listed) != statement["heads_hash"]:
        return [_finding("the list of heads is not the one that was signed")]
    found = []
    for head in listed:
        if of_round is not None and f".{of_round}:" not in head.stream_id:
            continue
        if head.stream_id not in hashes:
            found.append(_finding(f"it is gone; at the checkpoint it had {head.version} events", head.stream_id))
        elif hashes[head.stream_id].get(head.version) != head.hash:
            found.append(_finding(f"version {head.version} is not the one of the checkpoint", head.stream_id))
    then = {each["round"]: each["commitment"] for each in statement["rounds"]}
    for each in committed:
        if then.get(each["round_id"], each["commitment"]) != each["commitment"]:
            found.append(_finding(f"round {each['round_id']} is committed to another secret than at the checkpoint"))
    return found
