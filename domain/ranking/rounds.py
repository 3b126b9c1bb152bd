"""What a ranked round derives from its secret: the seed and the fault of every attempt.

Rule 1: everything is HMAC-SHA256 of the attempt's name under the round's secret, so neither agent nor host chooses.
Rule 2: each fault is a draw of its own from the suite's mix. Drawing without replacement would reveal the last
faults to anyone who knows the earlier ones. Rule 3: the commitment is published before the first attempt.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import NamedTuple, Sequence

from domain.chain import canonical
from domain.types import SplitName

RANKED_SPLIT: SplitName = "test"
"""What a round's scenarios are generated for unless its operator names another split: styles that practice seeds never
show."""
SECRET_BYTES = 32
SEED_BYTES = 16
ROUND_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_ATTEMPT_NAME = re.compile(rf"k[0-9a-f]{{8}}\.({ROUND_NAME.pattern}):[1-9][0-9]*:[1-9][0-9]*")


class AttemptId(NamedTuple):
    """Identity of one attempt: asking for it again gives the same episode."""

    round: str
    agent: str
    entry: int
    """1-based place in the suite."""
    attempt: int
    """1-based."""


def attempt_name(key: str, attempt: AttemptId) -> str:
    """The name of the attempt's episode. ``key``: the prefix of the agent's API key."""
    return f"{key}.{attempt.round}:{attempt.entry}:{attempt.attempt}"


def round_of_name(episode_id: str) -> str | None:
    """The round of an episode that has the name of a ranked attempt; None: it has another name. Practice cannot get such
    a name, whatever it contains."""
    found = _ATTEMPT_NAME.fullmatch(episode_id)
    return found[1] if found is not None else None


def commitment_to(secret: bytes) -> str:
    """What is published when a round opens: SHA-256 of the secret, hex."""
    return hashlib.sha256(secret).hexdigest()


def attempt_seed(secret: bytes, attempt: AttemptId) -> int:
    """The first 128 bits of HMAC-SHA256(secret, canonical([round, agent, entry, attempt]))."""
    return int.from_bytes(_derive(secret, list(attempt))[:SEED_BYTES], "big")


def attempt_fault(secret: bytes, attempt: AttemptId, mix: Sequence[str]) -> str:
    """The fault of an attempt, from the multiset of its task: HMAC-SHA256(secret, canonical(["fault", round, …])), as a
    number, modulo the size of the multiset (the bias is below 2^-240)."""
    return mix[int.from_bytes(_derive(secret, ["fault", *attempt]), "big") % len(mix)]


def _derive(secret: bytes, named: Sequence[str | int]) -> bytes:
    return hmac.new(secret, canonical(list(named)), hashlib.sha256).digest()
