"""What an audit knows of the rounds and the keys, and whether an attempt follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from sqlalchemy import Connection, select

from domain.chain import Link
from domain.events import EpisodeReset
from domain.ranking.rounds import AttemptId, attempt_fault, attempt_name, attempt_seed, commitment_to
from domain.tasks.suites import Suite, UnknownEntryError, UnknownSuiteError, find_suite
from domain.types import SplitName
from server.ranking.rounds import secret_file
from server.security.secret_files import SecretFiles
from server.storage.schema import keys, rounds


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
    closed_at: str | None
    """Null: it is open."""
    is_closed_at_reveal: bool
    """Whether that is the time of the reveal; earlier versions wrote the time at which closing began."""


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
        closed_at=row["closed_at"],
        is_closed_at_reveal=row["closing_at"] not in (None, row["closed_at"]),
    )


def check_round(round_id: str, facts: RoundFacts) -> list[str]:
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


def check_attempt(episode_id: str, reset: EpisodeReset, fault_id: str, facts: Facts) -> list[str]:
    """What of an attempt does not follow from its round; ``fault_id``: the one in its scenario."""
    known = facts.rounds.get(reset.round or "")
    if known is None or reset.round is None or reset.entry is None or reset.attempt is None or reset.agent is None:
        return [f"there is no round {reset.round} in which this could be an attempt"]
    found = []
    if reset.key is None or facts.names.get(reset.key) != reset.agent:
        found.append(f"{reset.agent} is not the name of the key {reset.key}")
    attempt = AttemptId(reset.round, reset.agent, reset.entry, reset.attempt)
    if episode_id != attempt_name(reset.key or "", attempt):
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


def faults_of_closing(links: Sequence[Link], reset: EpisodeReset, ended: str | None, facts: Facts) -> list[str]:
    """What an agent did after the secret of its round was revealed."""
    known = facts.rounds.get(reset.round or "")
    if known is None or known.closed_at is None:
        return []
    found = []
    if ended is None:
        found.append(f"it runs, though round {reset.round} is closed")
    late = [each for each in links if each.kind != "expire" and each.recorded_at > known.closed_at]
    if late and known.is_closed_at_reveal:
        found.append(f"version {late[0].version} follows the reveal of the secret of round {reset.round}")
    return found


def note_on_closing(links: Sequence[Link], reset: EpisodeReset, facts: Facts) -> str | None:
    """What cannot be said of an attempt that went on while its round was closed; None: nothing."""
    known = facts.rounds.get(reset.round or "")
    if known is None or known.closed_at is None or known.is_closed_at_reveal:
        return None
    if not any(each.kind != "expire" and each.recorded_at > known.closed_at for each in links):
        return None
    return (
        f"round {reset.round} was closed by an earlier version, which recorded when closing began: whether what came "
        "after that came before the reveal is not known"
    )


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
