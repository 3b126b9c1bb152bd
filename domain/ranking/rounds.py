"""What a ranked round derives from its secret: the seed and the fault of every attempt.

Rule 1: everything is HMAC-SHA256 of the attempt's name under the round's secret, so neither agent nor host chooses.
Rule 2: faults are drawn from the suite's mix. Suites whose mix is small draw each by itself, because the last of a small
deck are known to who knows the first; suites that are dealt draw without replacement within an attempt at all entries,
of which a task has at most a quarter as many as its mix has faults. Rule 3: the commitment is published before the first
attempt.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import NamedTuple, Sequence

from domain.chain import canonical
from domain.tasks.suites import Suite
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


def attempt_fault(secret: bytes, attempt: AttemptId, suite: Suite) -> str:
    """The fault of an attempt, from the multiset of its task. Raises ``UnknownEntryError``.

    Drawn: HMAC-SHA256(secret, canonical(["fault", round, agent, entry, attempt])), as a number, modulo the size of the
    multiset (the bias is below 2^-240). Dealt: the multiset in the order of HMAC-SHA256(secret, canonical(["deal", round,
    agent, attempt, task, place])), of which the first entry of the task gets the first.
    """
    task_id = suite.task_of(attempt.entry)
    mix = suite.mix[task_id]
    if not suite.is_dealt:
        return mix[int.from_bytes(_derive(secret, ["fault", *attempt]), "big") % len(mix)]
    deal: list[str | int] = ["deal", attempt.round, attempt.agent, attempt.attempt, task_id]
    order = sorted(range(len(mix)), key=lambda place: _derive(secret, [*deal, place]))
    return mix[order[suite.place_of(attempt.entry)]]


def _derive(secret: bytes, named: Sequence[str | int]) -> bytes:
    return hmac.new(secret, canonical(list(named)), hashlib.sha256).digest()
