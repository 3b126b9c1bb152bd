"""Checks of a bundle: its signature, withheld payloads, receipts, boards, and evidence from outside."""

from __future__ import annotations

from collections import Counter
from typing import Any, Mapping, NamedTuple, Sequence

from domain.chain import verify_chain
from domain.ranking.rounds import round_of_name
from server.audit.bundle.checkpoints import check_external_checkpoint, own_checkpoint
from server.audit.bundle.reader import Bundle
from server.audit.bundle.statement import bundle_statement
from server.audit.checkpoint_audit import Checkpoint
from server.audit.checkpoints import StreamHead
from server.audit.report import StoreFinding
from server.episodes.responses import receipt_statement
from server.security.signing import is_signed_by
from server.storage.stream_codec import fold_links

UNSIGNED = (
    "written by an earlier version, which did not sign manifest, boards and heads together: kinds of keys, times and "
    "what no checkpoint covers are not proved"
)
_SIGNED_PARTS = {
    "manifest_hash": "the manifest",
    "boards_hash": "the boards",
    "streams": "the number of episodes",
    "events": "the number of events",
    "heads_hash": "the episodes",
    "checkpoint_hash": "the checkpoint",
}


class ExternalEvidence(NamedTuple):
    """Signed statements of the host from before, which the bundle must not contradict."""

    checkpoints: Sequence[Checkpoint] = ()
    check_receipts: Sequence[Mapping[str, Any]] = ()
    commitments: Mapping[str, str] = {}
    """Round to the SHA-256 of its secret, hex."""


def check_signature(bundle: Bundle, public_key: str) -> list[StoreFinding]:
    """Check that manifest, boards, heads and checkpoint are those that were signed together."""
    own = own_checkpoint(bundle)
    if bundle.signature is None:
        if own is not None and own.statement.get("signs_bundles"):
            return [
                _finding("signature", "the bundle is not signed, though its checkpoint is of a host that signs them")
            ]
        return []
    statement = bundle.signature["statement"] if is_signed_by(public_key, bundle.signature) else {}
    if not isinstance(statement, dict) or statement.get("kind") != "bundle":
        return [_finding("signature", "the bundle is not signed by this key")]
    heads = [StreamHead(name, links[-1].version, links[-1].hash.hex()) for name, links in bundle.streams.items()]
    expected = bundle_statement(bundle.manifest, bundle.boards, heads, own.statement if own is not None else None)
    return [
        _finding("signature", f"not as it was signed: {what}")
        for name, what in _SIGNED_PARTS.items()
        if statement.get(name) != expected[name]
    ]


def check_withheld(bundle: Bundle) -> list[StoreFinding]:
    """Check that only resets of running episodes are withheld, and that no episode of a closed round runs."""
    found = []
    closed = {each["round_id"] for each in bundle.manifest["rounds"] if each["closed_at"] is not None}
    running = set(bundle.running)
    for name, links in bundle.streams.items():
        missing = [each for each in links if each.payload is None]
        if name in running and round_of_name(name) in closed:
            found.append(_finding("withheld", f"it runs, though round {round_of_name(name)} is closed", name))
        elif any(name not in running or each.kind != "reset" for each in missing):
            found.append(_finding("withheld", f"the payload of version {missing[-1].version} is withheld", name))
        if missing:
            found += [
                _finding("chain", f"{broken.fault} does not fit", name, broken.version)
                for broken in verify_chain(name, links)
            ]
    return found


def check_receipts(bundle: Bundle, public_key: str) -> list[StoreFinding]:
    """Check that exactly the ended episodes have a receipt, signed by this key, that matches their events."""
    found, given = [], {}
    for each in bundle.receipts:
        if is_receipt(public_key, each):
            given[each["statement"]["episode_id"]] = each["statement"]
        else:
            found.append(_finding("receipt", "a receipt is not signed by this key"))
    for name in sorted(given.keys() - bundle.streams.keys()):
        found.append(_finding("receipt", "there is a receipt, but no events: it is gone", name))
    for name, links in bundle.streams.items():
        if name in bundle.running:
            if name in given:
                found.append(_finding("receipt", "it runs, though there is the receipt of its end", name))
        elif name not in given:
            found.append(_finding("receipt", "there is no receipt that is signed by this key", name))
        elif _contradicts(bundle, name, given[name]):
            found.append(_finding("receipt", "the receipt says something else than the events", name))
        elif links[-1].hash.hex() != given[name]["head_hash"]:
            found.append(_finding("receipt", "the receipt is of other events", name))
    return found


def check_boards(bundle: Bundle) -> list[StoreFinding]:
    """Check that there is one board for each round."""
    counted = Counter(each["round"] for each in bundle.boards)
    expected = [each["round_id"] for each in bundle.manifest["rounds"]]
    if len(expected) != len(set(expected)):
        return [_finding("round", "two rounds have one name")]
    wrong = [name for name in {*counted, *expected} if counted[name] != (name in expected)]
    found = [_finding("board", f"there are {counted[name]} boards of round {name}") for name in sorted(wrong)]
    of_round = bundle.manifest["of_round"]
    if of_round is not None and expected != [of_round]:
        found.append(_finding("round", f"the bundle is said to be of round {of_round}, but describes other rounds"))
    return found


def check_evidence(bundle: Bundle, public_key: str, evidence: ExternalEvidence) -> list[StoreFinding]:
    """Check the bundle against evidence from outside."""
    found = [each for one in evidence.checkpoints for each in check_external_checkpoint(bundle, one, public_key)]
    for each in evidence.check_receipts:
        found += _check_external_receipt(bundle, public_key, each)
    known = {each["round_id"]: each["commitment"] for each in bundle.manifest["rounds"]}
    for name, commitment in evidence.commitments.items():
        if name not in known:
            found.append(_finding("round", f"there is no round {name}, whose commitment was kept"))
        elif known[name] != commitment:
            found.append(_finding("round", f"round {name} is committed to another secret than the one that was kept"))
    return found


def _check_external_receipt(bundle: Bundle, public_key: str, receipt: Mapping[str, Any]) -> list[StoreFinding]:
    if not is_receipt(public_key, receipt):
        return [_finding("receipt", "a kept receipt is not signed by this key")]
    statement = receipt["statement"]
    name = statement["episode_id"]
    if name not in bundle.streams:
        return [_finding("receipt", "its receipt was kept, but it is not in the bundle", name)]
    if name in bundle.running:
        return [_finding("receipt", "the receipt of its end was kept, but it runs", name)]
    if _contradicts(bundle, name, statement):
        return [_finding("receipt", "the receipt that was kept says something else than the events", name)]
    return []


def _contradicts(bundle: Bundle, name: str, statement: Mapping[str, Any]) -> bool:
    try:
        folded = fold_links(bundle.streams[name])
    except ValueError:
        return False  # the audit reports it, or the payload is withheld
    return folded.state.ended is None or statement != receipt_statement(name, folded.state, folded.head)


def is_receipt(public_key: str, given: Any) -> bool:
    """Whether it is a receipt with a signature of this key."""
    if not is_signed_by(public_key, given) or not isinstance(given["statement"], dict):
        return False
    statement = given["statement"]
    return (
        statement.get("kind") == "receipt" and isinstance(statement.get("episode_id"), str) and "head_hash" in statement
    )


def _finding(code: str, message: str, episode_id: str | None = None, version: int | None = None) -> StoreFinding:
    return StoreFinding(code=code, version=version, message=message, episode_id=episode_id)
