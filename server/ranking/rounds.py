"""Ranked rounds: opens them, publishes them, and derives the episode that a reset of an entry stands for.

Rule 1: an attempt counts from its reset, and its episode's name follows from its own, so that a repeated reset is idempotent.
Rule 2: the secret is in a file, not in the database, until the round is closed. Rule 3: a round is played only by the
generator and the rubric that it was opened with.
"""

from __future__ import annotations

import secrets
from typing import Any, Callable

from sqlalchemy import Connection, Row, bindparam, select
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.generator import GENERATOR_VERSION, can_plant
from domain.ranking.rounds import (
    RANKED_SPLIT,
    ROUND_NAME,
    SECRET_BYTES,
    AttemptId,
    attempt_fault,
    attempt_name,
    attempt_seed,
    commitment_to,
)
from domain.rubric import RUBRIC
from domain.tasks.suites import Suite, find_suite
from domain.types import SplitName
from server.episodes.commands import AuthorizedReset, RankedAssignment, ResetRequest
from server.episodes.errors import RoundClosedError
from server.ranking.errors import (
    AttemptsUsedError,
    KeyNeededError,
    RankedResetError,
    RoundVersionError,
    UnknownRoundError,
)
from server.scenarios.reserve import Expected
from server.security.identity import Identity
from server.security.secret_files import SecretFiles, SecretLostError
from server.storage.connections import fetch_all
from server.storage.schema import attempts, rounds

_BY_ID = select(rounds).where(rounds.c.round_id == bindparam("wanted"))
_IS_OPEN = select(rounds.c.round_id).where(rounds.c.round_id == bindparam("wanted"), rounds.c.closed_at.is_(None))
_ALL = select(rounds).order_by(rounds.c.opened_at.desc(), rounds.c.round_id)
_USED = (
    select(attempts.c.attempt, attempts.c.end_reason)
    .where(
        attempts.c.round_id == bindparam("of_round"),
        attempts.c.agent == bindparam("of_agent"),
        attempts.c.entry == bindparam("of_entry"),
    )
    .order_by(attempts.c.attempt)
)


class RoundNameError(ValueError):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"a round cannot be named {name!r}: {reason}")


class RetiredSuiteError(ValueError):
    """The suite was made for an earlier generator."""

    def __init__(self, suite_id: str, task_id: str) -> None:
        super().__init__(
            f"{suite_id} holds faults of {task_id} that generator {GENERATOR_VERSION} does not plant: open another suite"
        )


def _require_plantable(suite: Suite) -> None:
    for task_id, faults in suite.mix.items():
        if not all(can_plant(task_id, fault) for fault in faults):
            raise RetiredSuiteError(suite.suite_id, task_id)


def open_round(
    connection: Connection,
    files: SecretFiles,
    name: str,
    suite: Suite,
    *,
    attempts_allowed: int,
    now: str,
    split: SplitName = RANKED_SPLIT,
    generator_version: str = GENERATOR_VERSION,
    draw: Callable[[int], bytes] = secrets.token_bytes,
) -> Row[Any]:
    """Draw the secret, write it to its file, and publish the commitment.

    Raises:
        RoundNameError: the name cannot be used.
        RetiredSuiteError: the suite holds faults that this generator does not plant.
    """
    if generator_version == GENERATOR_VERSION:
        _require_plantable(suite)
    if not ROUND_NAME.fullmatch(name):
        raise RoundNameError(name, "use 1 to 40 letters, digits, - or _")
    if connection.execute(_BY_ID, {"wanted": name}).first() is not None:
        raise RoundNameError(name, "there is one of that name")
    # The file first: a round whose secret was lost cannot be played.
    secret = files.write_once(secret_file_name(name), draw(SECRET_BYTES))
    connection.execute(
        rounds.insert().values(
            round_id=name,
            suite_id=suite.suite_id,
            suite_digest=suite.digest,
            attempts=attempts_allowed,
            split=split,
            rubric_version=RUBRIC.version,
            generator_version=generator_version,
            commitment=commitment_to(secret),
            opened_at=now,
        )
    )
    return connection.execute(_BY_ID, {"wanted": name}).one()


def list_rounds(connection: Connection) -> list[Row[Any]]:
    """The newest first."""
    return list(connection.execute(_ALL))


def secret_file_name(round_id: str) -> str:
    return f"round-{round_id}.secret"


def read_secret(files: SecretFiles, round_id: str, commitment: str) -> bytes:
    """The secret of a round; raises ``SecretLostError`` where it is not the one that was committed to."""
    name = secret_file_name(round_id)
    secret = files.read(name)
    if secret is None or commitment_to(secret) != commitment:
        raise SecretLostError(files.folder / name)
    return secret


def round_json(row: Row[Any]) -> dict[str, Any]:
    """The public form of a round. Its secret is in the database only after it was closed."""
    return {
        "round": row.round_id,
        "suite": find_suite(row.suite_id).to_json(),
        "attempts": row.attempts,
        "split": row.split,
        "rubric_version": row.rubric_version,
        "generator_version": row.generator_version,
        "commitment": row.commitment,
        "opened_at": row.opened_at,
        "closed_at": row.closed_at,
        "secret": row.secret,
    }


def _following(attempt: AttemptId, *, attempts_allowed: int, entries: int) -> list[AttemptId]:
    """What an agent is likely to begin after an attempt: the next one at the entry, or the first one at the next entry."""
    following = []
    if attempt.entry < entries:
        following.append(attempt._replace(entry=attempt.entry + 1, attempt=1))
    if attempt.attempt < attempts_allowed:
        following.append(attempt._replace(attempt=attempt.attempt + 1))
    return following


class Rounds:
    """Rounds in a running server. Read from the database at each ranked reset, because another process opens and closes them."""

    def __init__(
        self,
        reader: AsyncEngine,
        files: SecretFiles,
        *,
        generator_version: str,
        expect: Callable[[Expected], None] = lambda _: None,
    ) -> None:
        """``expect``: called with the scenarios of the attempts that an agent may begin after the present one."""
        self._expect = expect
        self._reader = reader
        self._files = files
        self._versions = (generator_version, RUBRIC.version)

    async def published(self) -> list[dict[str, Any]]:
        """All rounds, the newest first."""
        return [round_json(row) for row in await fetch_all(self._reader, _ALL)]

    async def is_open(self, round_id: str) -> bool:
        """Whether the round exists and was not closed. One that is being closed is open until its secret is revealed."""
        return bool(await fetch_all(self._reader, _IS_OPEN, wanted=round_id))

    async def authorize_attempt(self, identity: Identity, wanted: ResetRequest) -> AuthorizedReset:
        """The attempt that a ranked reset stands for; raises ``RoundError`` or ``UnknownEntryError``."""
        if identity.prefix is None or identity.name is None:
            raise KeyNeededError
        row = await self._find_open_round(wanted.round or "")
        suite, entry = find_suite(row.suite_id), wanted.entry or 0
        task_id = suite.task_of(entry)
        if wanted.seed is not None or wanted.task_id not in (None, task_id):
            raise RankedResetError
        number = await self._attempt_number(row, identity.name, entry, wanted.attempt)
        attempt = AttemptId(row.round_id, identity.name, entry, number)
        secret = read_secret(self._files, row.round_id, row.commitment)
        fault = attempt_fault(secret, attempt, suite)
        ranked = RankedAssignment(attempt, attempt_seed(secret, attempt), fault, row.split)
        for following in _following(attempt, attempts_allowed=row.attempts, entries=len(suite.entries)):
            of_task = suite.task_of(following.entry)
            its_fault = attempt_fault(secret, following, suite)
            self._expect(Expected(of_task, attempt_seed(secret, following), row.split, its_fault))
        name = attempt_name(identity.prefix, attempt)
        request = wanted.model_copy(update={"episode_id": name, "task_id": task_id, "agent": identity.name})
        return AuthorizedReset(request, identity.prefix, ranked)

    async def _find_open_round(self, round_id: str) -> Row[Any]:
        rows = await fetch_all(self._reader, _BY_ID, wanted=round_id)
        if not rows:
            raise UnknownRoundError(round_id)
        if rows[0].closing_at is not None:
            raise RoundClosedError(round_id)
        if (rows[0].generator_version, rows[0].rubric_version) != self._versions:
            raise RoundVersionError(round_id)
        return rows[0]

    async def _attempt_number(self, row: Row[Any], agent: str, entry: int, wanted: int | None) -> int:
        """The number of the attempt: the requested one, else the running one, else the next."""
        if wanted is not None:
            if wanted > row.attempts:
                raise AttemptsUsedError(entry, row.attempts)
            return wanted
        used = await fetch_all(self._reader, _USED, of_round=row.round_id, of_agent=agent, of_entry=entry)
        running = [each.attempt for each in used if each.end_reason is None]
        if running:
            return int(running[-1])
        unused = set(range(1, row.attempts + 1)) - {each.attempt for each in used}
        if not unused:
            raise AttemptsUsedError(entry, row.attempts)
        return min(unused)
