"""Checks of a bundle as a whole: its signature, its boards, and evidence from outside."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any, Mapping, NamedTuple, Sequence

from server.audit.bundle.checkpoints import own_checkpoint
from server.audit.bundle.episode_checks import is_receipt
from server.audit.bundle.facts import Facts
from server.audit.bundle.reader import OpenBundle
from server.audit.bundle.statement import bundle_statement
from server.audit.checkpoint_audit import Checkpoint
from server.audit.report import StoreFinding
from server.security.signing import is_signed_by

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

    def receipts_by_episode(self, public_key: str) -> dict[str, list[Mapping[str, Any]]]:
        """Statements of the receipts that are signed by the key."""
        found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for each in self.check_receipts:
            if is_receipt(public_key, each):
                found[each["statement"]["episode_id"]].append(each["statement"])
        return dict(found)


def check_signature(bundle: OpenBundle, facts: Facts, public_key: str) -> list[StoreFinding]:
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
    checkpoint = own.statement if own is not None else None
    expected = bundle_statement(bundle.manifest, bundle.boards, facts.summary(), checkpoint)
    return [
        _finding("signature", f"not as it was signed: {what}")
        for name, what in _SIGNED_PARTS.items()
        if statement.get(name) != expected[name]
    ]


def check_boards(bundle: OpenBundle) -> list[StoreFinding]:
    """Check that there is one board for each round."""
    counted = Counter(each["round"] for each in bundle.boards)
    expected = [each["round_id"] for each in bundle.manifest["rounds"]]
    if len(expected) != len(set(expected)):
        return [_finding("round", "two rounds have one name")]
    wrong = [name for name in {*counted, *expected} if counted[name] != (name in expected)]
    found = [_finding("board", f"there are {counted[name]} boards of round {name}") for name in sorted(wrong)]
    of_round = bundle.of_round
    if of_round is not None and expected != [of_round]:
        found.append(_finding("round", f"the bundle is said to be of round {of_round}, but describes other rounds"))
    return found


def check_kept_receipts(facts: Facts, public_key: str, evidence: ExternalEvidence) -> list[StoreFinding]:
    """Check that the episodes of kept receipts are there; what the receipts state is compared with each episode."""
    unsigned = [each for each in evidence.check_receipts if not is_receipt(public_key, each)]
    found = [_finding("receipt", "a kept receipt is not signed by this key") for _ in unsigned]
    return found + [
        _finding("receipt", "its receipt was kept, but it is not in the bundle", name)
        for name in evidence.receipts_by_episode(public_key)
        if not facts.has(name)
    ]


def check_commitments(bundle: OpenBundle, evidence: ExternalEvidence) -> list[StoreFinding]:
    """Check the rounds against the commitments that were published when they opened."""
    found = []
    known = {each["round_id"]: each["commitment"] for each in bundle.manifest["rounds"]}
    for name, commitment in evidence.commitments.items():
        if name not in known:
            found.append(_finding("round", f"there is no round {name}, whose commitment was kept"))
        elif known[name] != commitment:
            found.append(_finding("round", f"round {name} is committed to another secret than the one that was kept"))
    return found


def _finding(code: str, message: str, episode_id: str | None = None, version: int | None = None) -> StoreFinding:
    return StoreFinding(code=code, version=version, message=message, episode_id=episode_id)
