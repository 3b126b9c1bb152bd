"""Checks ranked attempts against their round and their key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from sqlalchemy import Connection, select

from domain.chain import Link
from domain.events import EpisodeReset
from domain.ranking.rounds import AttemptId, attempt_fault, attempt_name, attempt_seed, commitment_to
from domain.tasks.suites import Suite, UnknownEntryError, UnknownSuiteError, find_suite
from domain.types import SplitName
from server.ranking.rounds import secret_file_name
from server.security.secret_files import SecretFiles
from server.storage.schema import keys, rounds


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundAuditData:
    """The columns of a round that attempts are checked against."""

    suite_id: str
    suite_digest: str
    attempts: int
    rubric_version: str
    generator_version: str
    commitment: str
    split: SplitName
    """The split that its scenarios are generated for."""
    secret: bytes | None
    """None: not revealed yet, and its file is not here."""
    closed_at: str | None
    """None: it is open."""
    is_closed_at_reveal: bool
    """Whether that is the time of the reveal; earlier versions wrote the time at which closing began."""


@dataclass(frozen=True, slots=True)
class RankedAuditData:
    """The rounds and the names of keys that attempts are checked against."""

    rounds: Mapping[str, RoundAuditData]
    names: Mapping[str, str]
    """Prefix of a key to its name."""


def read_ranked_audit_data(connection: Connection, files: SecretFiles | None) -> RankedAuditData:
    """Read rounds and keys from the database, and the secrets of open rounds from their files if there are any."""
    found: dict[str, RoundAuditData] = {}
    for row in connection.execute(select(rounds)):
        secret = bytes.fromhex(row.secret) if row.secret else None
        if secret is None and files is not None:
            secret = files.read(secret_file_name(row.round_id))
        found[row.round_id] = to_round_audit_data(row._mapping, secret)
    return RankedAuditData(
        found, {row.prefix: row.name for row in connection.execute(select(keys.c.prefix, keys.c.name))}
    )


def to_round_audit_data(row: Mapping[Any, Any], secret: bytes | None) -> RoundAuditData:
    return RoundAuditData(
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


def check_round(round_id: str, data: RoundAuditData) -> list[str]:
    """Check the secret and the suite of a round; returns what is wrong."""
    found = []
    if data.secret is not None and commitment_to(data.secret) != data.commitment:
        found.append(f"the secret of round {round_id} is not the one that was committed to")
    try:
        if find_suite(data.suite_id).digest != data.suite_digest:
            found.append(f"the suite {data.suite_id} is not the one that round {round_id} was opened with")
    except UnknownSuiteError as error:
        found.append(str(error))
    return found


def check_attempt(episode_id: str, reset: EpisodeReset, fault_id: str, data: RankedAuditData) -> list[str]:
    """Check that an attempt follows from its round; returns what does not. ``fault_id``: the fault of its scenario."""
    round_data = data.rounds.get(reset.round or "")
    if round_data is None or reset.round is None or reset.entry is None or reset.attempt is None or reset.agent is None:
        return [f"there is no round {reset.round} in which this could be an attempt"]
    found = []
    if reset.key is None or data.names.get(reset.key) != reset.agent:
        found.append(f"{reset.agent} is not the name of the key {reset.key}")
    attempt = AttemptId(reset.round, reset.agent, reset.entry, reset.attempt)
    if episode_id != attempt_name(reset.key or "", attempt):
        found.append("the episode's name is not that of its attempt")
    if not 1 <= reset.attempt <= round_data.attempts:
        found.append(f"attempt {reset.attempt} of {round_data.attempts}")
    if (reset.generator_version, reset.rubric_version) != (round_data.generator_version, round_data.rubric_version):
        found.append("generator or rubric are not those of the round")
    if reset.split != round_data.split:
        found.append(f"the split is {reset.split}, that of the round is {round_data.split}")
    try:
        suite = find_suite(round_data.suite_id)
        if suite.task_of(reset.entry) != reset.task_id:
            found.append(f"entry {reset.entry} is of the task {suite.task_of(reset.entry)}")
    except (UnknownSuiteError, UnknownEntryError) as error:
        return [*found, str(error)]
    return [*found, *_check_secret(reset, fault_id, round_data.secret, suite)]


def check_closing(links: Sequence[Link], reset: EpisodeReset, ended: str | None, data: RankedAuditData) -> list[str]:
    """Check that an attempt ended before the secret of its round was revealed; returns what is wrong."""
    round_data = data.rounds.get(reset.round or "")
    if round_data is None or round_data.closed_at is None:
        return []
    found = []
    if ended is None:
        found.append(f"it runs, though round {reset.round} is closed")
    late = [each for each in links if each.kind != "expire" and each.recorded_at > round_data.closed_at]
    if late and round_data.is_closed_at_reveal:
        found.append(f"version {late[0].version} follows the reveal of the secret of round {reset.round}")
    return found


def note_undecided_closing(links: Sequence[Link], reset: EpisodeReset, data: RankedAuditData) -> str | None:
    """The note on an attempt with events after a closing time of unknown meaning. None: there are none."""
    round_data = data.rounds.get(reset.round or "")
    if round_data is None or round_data.closed_at is None or round_data.is_closed_at_reveal:
        return None
    if not any(each.kind != "expire" and each.recorded_at > round_data.closed_at for each in links):
        return None
    return (
        f"round {reset.round} was closed by an earlier version, which recorded when closing began: whether what came "
        "after that came before the reveal is not known"
    )


def _check_secret(reset: EpisodeReset, fault_id: str, secret: bytes | None, suite: Suite) -> list[str]:
    if secret is None:
        return []
    attempt = AttemptId(reset.round or "", reset.agent or "", reset.entry or 0, reset.attempt or 0)
    found = []
    if reset.seed_given or attempt_seed(secret, attempt) != reset.seed:
        found.append("the seed does not follow from the round's secret")
    if attempt_fault(secret, attempt, suite) != fault_id:
        found.append("the fault does not follow from the round's secret")
    return found
