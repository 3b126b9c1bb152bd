"""Compares a bundle with checkpoints: the one in it, and those that the verifier's user stored before."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from domain.chain import canonical
from domain.ranking.rounds import round_of_name
from server.audit.bundle.reader import Bundle
from server.audit.checkpoint_audit import (
    Checkpoint,
    CheckpointFileError,
    check_chain,
    check_rounds,
    read_checkpoint,
)
from server.audit.checkpoints import StreamHead, heads_hash
from server.audit.report import StoreFinding
from server.security.signing import is_signed_by

NO_CHECKPOINT = "no checkpoint in the bundle: nothing shows whether episodes are missing"


def own_checkpoint(bundle: Bundle) -> Checkpoint | None:
    """The checkpoint in the bundle. None: there is none, or it cannot be read."""
    try:
        return read_checkpoint(bundle.checkpoint)
    except CheckpointFileError:
        return None


def check_own_checkpoint(bundle: Bundle, public_key: str) -> list[StoreFinding]:
    """Check that the bundle has a signed checkpoint that covers its closed rounds and matches its episodes."""
    if bundle.checkpoint is None:
        is_due = bundle.signature is not None or any(each["closed_at"] for each in bundle.manifest["rounds"])
        return [_finding("there is no checkpoint")] if is_due and bundle.streams else []
    own = own_checkpoint(bundle)
    if own is None:
        return [_finding("the checkpoint cannot be read")]
    if own.heads is None:
        return [_finding("the checkpoint has no list of heads")]
    found = _compare(bundle, own, public_key, "the checkpoint")
    return found or [*_check_closed_rounds(bundle, own.statement), *_check_chain(bundle, own)]


def check_external_checkpoint(bundle: Bundle, external: Checkpoint, public_key: str) -> list[StoreFinding]:
    """Check that the bundle continues from a checkpoint that was stored before."""
    number = external.statement["number"]
    name = f"the kept checkpoint {number}"
    found = _compare(bundle, external, public_key, name)
    own = own_checkpoint(bundle)
    if own is None or own.statement["number"] < number:
        brought = "none" if own is None else str(own.statement["number"])
        return [*found, _finding(f"the bundle is older than {name}: its own checkpoint is {brought}")]
    same = [each for each in _statements(bundle, own) if each["number"] == number]
    if same and canonical(same[0]) != canonical(external.statement):
        found.append(_finding(f"the bundle has another checkpoint {number} than the one that was kept"))
    return found


def _compare(bundle: Bundle, checkpoint: Checkpoint, public_key: str, name: str) -> list[StoreFinding]:
    statement, of_round = checkpoint.statement, bundle.manifest["of_round"]
    if not is_signed_by(public_key, checkpoint.signed):
        return [_finding(f"{name} is not signed by this key")]
    present = {each["round_id"]: each for each in bundle.manifest["rounds"]}
    named = [each for each in statement["rounds"] if of_round in (None, each["round"])]
    found = [_finding(each) for each in check_rounds({"rounds": named}, present)]
    if checkpoint.heads is None:
        # Positions are not covered by the chain, but another order of the same events would not give the same hash.
        if of_round is None and heads_hash(_heads_until(bundle, statement["position"])) != statement["heads_hash"]:
            found.append(_finding(f"the episodes are not those of {name}"))
        return found
    if heads_hash(checkpoint.heads) != statement["heads_hash"]:
        return [*found, _finding(f"the list of heads of {name} is not the one that was signed")]
    return found + _compare_heads(bundle, checkpoint.heads, name)


def _heads_until(bundle: Bundle, position: int) -> Iterable[StreamHead]:
    for name, links in bundle.streams.items():
        until = [each for each in links if each.position is not None and each.position <= position]
        if until:
            yield StreamHead(name, until[-1].version, until[-1].hash.hex())


def _compare_heads(bundle: Bundle, heads: Iterable[StreamHead], name: str) -> list[StoreFinding]:
    found, of_round = [], bundle.manifest["of_round"]
    for head in heads:
        if of_round is not None and round_of_name(head.stream_id) != of_round:
            continue
        links = bundle.streams.get(head.stream_id)
        if links is None:
            found.append(_finding(f"it is gone; at {name} it had {head.version} events", head.stream_id))
        elif head.hash not in {each.hash.hex() for each in links if each.version == head.version}:
            found.append(_finding(f"version {head.version} is not the one of {name}", head.stream_id))
    return found


def _check_closed_rounds(bundle: Bundle, statement: Mapping[str, Any]) -> list[StoreFinding]:
    """A checkpoint made after a round was closed lists all its attempts, because none can begin later."""
    closed = {each["round_id"] for each in bundle.manifest["rounds"] if each["closed_at"] is not None}
    signed = {each["round"] for each in statement["rounds"] if each.get("closed_at") is not None}
    return [_finding(f"the checkpoint is older than the end of round {name}") for name in sorted(closed - signed)]


def _check_chain(bundle: Bundle, own: Checkpoint) -> list[StoreFinding]:
    if bundle.checkpoints is None:
        return []
    try:
        statements = [read_checkpoint(each).statement for each in bundle.checkpoints]
        found = check_chain(statements)
        if not statements or canonical(statements[-1]) != canonical(own.statement):
            found.append(_finding("the list of checkpoints does not end with the checkpoint"))
    except (CheckpointFileError, KeyError, ValueError):
        return [_finding("the list of checkpoints cannot be read")]
    return found


def _statements(bundle: Bundle, own: Checkpoint) -> list[dict[str, Any]]:
    try:
        return [read_checkpoint(each).statement for each in bundle.checkpoints or ()] or [own.statement]
    except CheckpointFileError:
        return [own.statement]


def _finding(message: str, episode_id: str | None = None) -> StoreFinding:
    return StoreFinding(code="checkpoint", version=None, message=message, episode_id=episode_id)
