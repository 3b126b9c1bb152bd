"""Compares a bundle with checkpoints: the one in it, and those that the verifier's user stored before."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Sequence

from domain.chain import canonical
from domain.ranking.rounds import round_of_name
from server.audit.bundle.facts import Facts
from server.audit.bundle.reader import BundleError, OpenBundle
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
_OWN = 0
"""Number of the bundle's own checkpoint among those that are compared; kept ones follow."""


def own_checkpoint(bundle: OpenBundle) -> Checkpoint | None:
    """The checkpoint in the bundle. None: there is none, or it cannot be read."""
    try:
        return read_checkpoint(bundle.checkpoint)
    except CheckpointFileError:
        return None


class BundleCheckpoints:
    """The checkpoints that a bundle is compared with. `expect` before its episodes are read, the checks afterwards."""

    def __init__(self, bundle: OpenBundle, facts: Facts, public_key: str, kept: Sequence[Checkpoint]) -> None:
        self._bundle = bundle
        self._facts = facts
        self._public_key = public_key
        self._own = own_checkpoint(bundle)
        self._kept = kept
        self._chain: list[StoreFinding] = []
        self._listed: dict[int, dict[str, Any]] = {}
        """Statements in the bundle with the numbers of kept checkpoints."""

    def expect(self) -> None:
        """Note the heads of all checkpoints. Raises ``BundleError``."""
        if self._own is not None:
            heads = self._own.heads if self._bundle.format == 1 else _read_heads(self._bundle)
            self._facts.expect(_OWN, heads or ())
            self._read_chain(self._own)
        for number, kept in enumerate(self._kept, start=_OWN + 1):
            if kept.heads is not None:
                self._facts.expect(number, kept.heads)
            else:
                self._facts.track(number, kept.statement["position"])

    def check_own(self) -> list[StoreFinding]:
        """Check that the bundle has a signed checkpoint that covers its closed rounds and matches its episodes."""
        bundle, own = self._bundle, self._own
        if bundle.checkpoint is None:
            is_due = bundle.signature is not None or bool(bundle.closed_rounds)
            return [_finding("there is no checkpoint")] if is_due and self._facts.summary().streams else []
        if own is None:
            return [_finding("the checkpoint cannot be read")]
        if bundle.format == 1 and own.heads is None:
            return [_finding("the checkpoint has no list of heads")]
        # Format 2 lists only the heads of its round, if the checkpoint has their hash.
        signed = {_heads_hash_of(own.statement, name) for name in (None, bundle.of_round)}
        is_listed = self._facts.expected_hash(_OWN) in signed
        found = self._compare(_OWN, own, "the checkpoint", is_listed=is_listed)
        return found or [*self._check_closed_rounds(own.statement), *self._chain]

    def check_kept(self) -> list[StoreFinding]:
        """Check that the bundle continues from the checkpoints that were stored before."""
        return [
            each for number, kept in enumerate(self._kept, start=_OWN + 1) for each in self._check_kept(number, kept)
        ]

    def _check_kept(self, which: int, kept: Checkpoint) -> list[StoreFinding]:
        number, own = kept.statement["number"], self._own
        name = f"the kept checkpoint {number}"
        is_listed = kept.heads is not None and heads_hash(kept.heads) == kept.statement["heads_hash"]
        found = self._compare(which, kept, name, is_listed=is_listed)
        if own is None or own.statement["number"] < number:
            brought = "none" if own is None else str(own.statement["number"])
            return [*found, _finding(f"the bundle is older than {name}: its own checkpoint is {brought}")]
        same = self._listed.get(number)
        if same is not None and canonical(same) != canonical(kept.statement):
            found.append(_finding(f"the bundle has another checkpoint {number} than the one that was kept"))
        return found

    def _compare(self, which: int, checkpoint: Checkpoint, name: str, *, is_listed: bool) -> list[StoreFinding]:
        statement, of_round = checkpoint.statement, self._bundle.of_round
        if not is_signed_by(self._public_key, checkpoint.signed):
            return [_finding(f"{name} is not signed by this key")]
        present = {each["round_id"]: each for each in self._bundle.manifest["rounds"]}
        named = [each for each in statement["rounds"] if of_round in (None, each["round"])]
        found = [_finding(each) for each in check_rounds({"rounds": named}, present)]
        if which != _OWN and checkpoint.heads is None:
            # Positions are not covered by the chain, but another order of the same events would not give the same hash.
            signed_hash = _heads_hash_of(statement, of_round)
            if signed_hash is not None and self._facts.reached_hash(which) != signed_hash:
                found.append(_finding(f"the episodes are not those of {name}"))
            return found
        if not is_listed:
            return [*found, _finding(f"the list of heads of {name} is not the one that was signed")]
        return found + [
            _finding(_difference(version, is_there, name), episode)
            for episode, version, is_there in self._facts.unmet(which)
            if of_round is None or round_of_name(episode) == of_round
        ]

    def _check_closed_rounds(self, statement: Mapping[str, Any]) -> list[StoreFinding]:
        """A checkpoint made after a round was closed lists all its attempts, because none can begin later."""
        signed = {each["round"] for each in statement["rounds"] if each.get("closed_at") is not None}
        missing = sorted(self._bundle.closed_rounds - signed)
        return [_finding(f"the checkpoint is older than the end of round {name}") for name in missing]

    def _read_chain(self, own: Checkpoint) -> None:
        """Read the statements up to the checkpoint, each of which lists all rounds, one by one."""
        numbers = {kept.statement["number"] for kept in self._kept}
        if own.statement["number"] in numbers:
            self._listed[own.statement["number"]] = own.statement
        if not self._bundle.has_checkpoints:
            return
        last: list[Mapping[str, Any]] = []

        def statements() -> Iterator[Mapping[str, Any]]:
            for each in self._bundle.values("checkpoints.jsonl"):
                statement = read_checkpoint(each).statement
                if statement["number"] in numbers:
                    self._listed[statement["number"]] = statement
                last[:] = [statement]
                yield statement

        try:
            self._chain = check_chain(statements())
            if not last or canonical(last[0]) != canonical(own.statement):
                self._chain.append(_finding("the list of checkpoints does not end with the checkpoint"))
        except BundleError:
            raise
        except (CheckpointFileError, KeyError, ValueError):
            self._chain = [_finding("the list of checkpoints cannot be read")]


def _read_heads(bundle: OpenBundle) -> Iterator[StreamHead]:
    for each in bundle.values("heads.jsonl"):
        if not isinstance(each, list) or [type(one) for one in each] != [str, int, str]:
            raise BundleError("heads.jsonl has a line that is no head")
        yield StreamHead(*each)


def _heads_hash_of(statement: Mapping[str, Any], round_id: str | None) -> str | None:
    """The hash over the heads of the store, or of the attempts of a round. None: the checkpoint does not have that."""
    if round_id is None:
        return str(statement["heads_hash"])
    of_round = [each.get("heads_hash") for each in statement["rounds"] if each["round"] == round_id]
    return of_round[0] if of_round and isinstance(of_round[0], str) else None


def _difference(version: int, is_there: bool, name: str) -> str:
    if not is_there:
        return f"it is gone; at {name} it had {version} events"
    return f"version {version} is not the one of {name}"


def _finding(message: str, episode_id: str | None = None) -> StoreFinding:
    return StoreFinding(code="checkpoint", version=None, message=message, episode_id=episode_id)
