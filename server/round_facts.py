"""What an audit knows of the rounds and the keys, and whether an attempt follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from sqlalchemy import Connection, select

from domain.events import EpisodeReset
from domain.rounds import AttemptId, attempt_fault, attempt_seed, commitment_to
from domain.suites import Suite, UnknownEntryError, UnknownSuiteError, find_suite
from domain.types import SplitName
from server.rounds import secret_file
from server.secret_files import SecretFiles
from server.tables import keys, rounds


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundFacts:
    """One round."""

    suite_id: str
    suite_digest: str
    attempts: int
    rubric_version: str
    generator_version: str
    commitment: str
    split: SplitName
    """What its scenarios are generated for."""
    secret: bytes | None
    """Null: not revealed, and not to be had here."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything outside its own events that an attempt is held against."""

    rounds: Mapping[str, RoundFacts]
    names: Mapping[str, str]
    """Prefix of a key to its name."""


def read_facts(connection: Connection, files: SecretFiles | None) -> Facts:
    """From the database; the secret of an open round from its file, where the file is at hand."""
    found: dict[str, RoundFacts] = {}
    for row in connection.execute(select(rounds)):
        secret = bytes.fromhex(row.secret) if row.secret else None
        if secret is None and files is not None:
            secret = files.read(secret_file(row.round_id))
        found[row.round_id] = facts_of(row._mapping, secret)
    return Facts(found, {row.prefix: row.name for row in connection.execute(select(keys.c.prefix, keys.c.name))})


def facts_of(row: Mapping[Any, Any], secret: bytes | None) -> RoundFacts:
    return RoundFacts(
        suite_id=row["suite_id"],
        suite_digest=row["suite_digest"],
        attempts=row["attempts"],
        rubric_version=row["rubric_version"],
        generator_version=row["generator_version"],
        commitment=row["commitment"],
        split=row["split"],
        secret=secret,
    )


def faults_of_round(round_id: str, facts: RoundFacts) -> list[str]:
    """What is wrong with a round itself."""
    found = []
    if facts.secret is not None and commitment_to(facts.secret) != facts.commitment:
        found.append(f"the secret of round {round_id} is not the one that was committed to")
    try:
        if find_suite(facts.suite_id).digest != facts.suite_digest:
            found.append(f"the suite {facts.suite_id} is not the one that round {round_id} was opened with")
    except UnknownSuiteError as error:
        found.append(str(error))
    return found


def faults_of_attempt(episode_id: str, reset: EpisodeReset, fault_id: str, facts: Facts) -> list[str]:
    """What of an attempt does not follow from its round; ``fault_id``: the one in its scenario."""
    known = facts.rounds.get(reset.round or "")
    if known is None or reset.round is None or reset.entry is None or reset.attempt is None or reset.agent is None:
        return [f"there is no round {reset.round} in which this could be an attempt"]
    found = []
    if reset.key is None or facts.names.get(reset.key) != reset.agent:
        found.append(f"{reset.agent} is not the name of the key {reset.key}")
    if episode_id != f"{reset.key}.{reset.round}:{reset.entry}:{reset.attempt}":
        found.append("the episode's name is not that of its attempt")
    if not 1 <= reset.attempt <= known.attempts:
        found.append(f"attempt {reset.attempt} of {known.attempts}")
    if (reset.generator_version, reset.rubric_version) != (known.generator_version, known.rubric_version):
        found.append("generator or rubric are not those of the round")
    if reset.split != known.split:
        found.append(f"the split is {reset.split}, that of the round is {known.split}")
    try:
        suite = find_suite(known.suite_id)
        if suite.task_of(reset.entry) != reset.task_id:
            found.append(f"entry {reset.entry} is of the task {suite.task_of(reset.entry)}")
    except (UnknownSuiteError, UnknownEntryError) as error:
        return [*found, str(error)]
    return [*found, *_by_secret(reset, fault_id, known.secret, suite)]


def _by_secret(reset: EpisodeReset, fault_id: str, secret: bytes | None, suite: Suite) -> list[str]:
    if secret is None:
        return []
    attempt = AttemptId(reset.round or "", reset.agent or "", reset.entry or 0, reset.attempt or 0)
    found = []
    if reset.seed_given or attempt_seed(secret, attempt) != reset.seed:
        found.append("the seed does not follow from the round's secret")
    if attempt_fault(secret, attempt, suite.mix[reset.task_id]) != fault_id:
        found.append("the fault does not follow from the round's secret")
    return found
