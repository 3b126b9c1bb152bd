"""Closes a round: refuses further resets, expires running attempts, and reveals the secret last.

Rule 1: a reset and the end of an attempt lock the row of their round, and so do the two changes here: whatever was begun
is committed before what runs is looked for. Rule 2: the secret is revealed when nothing runs; nothing follows it.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, Callable, NamedTuple

from sqlalchemy import Connection, Row, Select, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.ranking.rounds import round_of_name
from server.clock import to_timestamp
from server.episodes.errors import RoundClosedError
from server.episodes.service import Episodes
from server.ranking.errors import RoundBusyError, UnknownRoundError
from server.ranking.rounds import read_secret
from server.security.secret_files import SecretFiles
from server.storage.connections import run_write
from server.storage.schema import attempts, episodes, events, rounds

BATCH_SIZE = 32
_MAX_PASSES = 8
"""Passes over the running attempts. A second pass finds only what a database without the locks of rule 1 would let in."""


class ClosedRound(NamedTuple):
    """The result of closing a round."""

    expired: int
    """Attempts that were still running; they count with the floor score."""
    secret: str
    """Hex."""


async def close_round(
    database_url: str,
    reader: AsyncEngine,
    service: Episodes,
    files: SecretFiles,
    round_id: str,
    *,
    clock: Callable[[], datetime],
) -> ClosedRound:
    """Close a round. Can be repeated after an interruption; raises ``UnknownRoundError``, ``RoundClosedError``, ``RoundBusyError``,
    ``SecretLostError``."""
    try:
        secret = await run_write(
            database_url, lambda opened: _stop_resets(opened, files, round_id, to_timestamp(clock()))
        )
        expired = 0
        for _ in range(_MAX_PASSES):
            expired += await _expire_running(reader, service, round_id)
            if await run_write(database_url, lambda opened: _reveal(opened, round_id, secret.hex(), clock)):
                return ClosedRound(expired, secret.hex())
    except DBAPIError as error:
        raise RoundBusyError(round_id, str(error.orig)) from error
    raise RoundBusyError(round_id, "attempts in it cannot be ended: audit it")


def _stop_resets(connection: Connection, files: SecretFiles, round_id: str, now: str) -> bytes:
    row = _lock_open_round(connection, round_id)
    secret = read_secret(files, round_id, row.commitment)
    if row.closing_at is None:
        connection.execute(rounds.update().where(rounds.c.round_id == round_id).values(closing_at=now))
    return secret


def _lock_open_round(connection: Connection, round_id: str) -> Row[Any]:
    """Lock the row of an open round: no attempt begins or ends until the end of the transaction."""
    row = connection.execute(select(rounds).where(rounds.c.round_id == round_id).with_for_update()).one_or_none()
    if row is None:
        raise UnknownRoundError(round_id)
    if row.closed_at is not None:
        raise RoundClosedError(round_id)
    return row


async def _expire_running(reader: AsyncEngine, service: Episodes, round_id: str) -> int:
    expired = 0
    while True:
        async with reader.connect() as connection:
            names = [*(await connection.execute(_running(round_id).limit(BATCH_SIZE))).scalars()]
            named = (await connection.execute(_named_as_attempts(round_id).limit(BATCH_SIZE))).scalars()
            names += [each for each in named if round_of_name(each) == round_id]
        outcomes = await asyncio.gather(*(service.close(name, "abandoned") for name in names))
        expired += sum(outcomes)
        if not any(outcomes):
            return expired


def _running(round_id: str) -> Select[Any]:
    return select(attempts.c.episode_id).where(attempts.c.round_id == round_id, attempts.c.end_reason.is_(None))


def _named_as_attempts(round_id: str) -> Select[Any]:
    """Practice episodes with the name of an attempt, from before such names were reserved."""
    return select(episodes.c.episode_id).where(
        episodes.c.ended_position.is_(None),
        episodes.c.round.is_(None),
        episodes.c.episode_id.like(f"k________.{round_id.replace('_', '!_')}:%", escape="!"),
    )


def _reveal(connection: Connection, round_id: str, secret: str, clock: Callable[[], datetime]) -> bool:
    """Reveal the secret unless an attempt runs; returns whether it was revealed."""
    _lock_open_round(connection, round_id)
    if connection.execute(_running(round_id).limit(1)).first() is not None:
        return False
    # Not before what was recorded with the clock of another server.
    of_round = select(attempts.c.episode_id).where(attempts.c.round_id == round_id)
    last = connection.scalar(select(func.max(events.c.recorded_at)).where(events.c.stream_id.in_(of_round)))
    closed_at = max(to_timestamp(clock()), last or "")
    connection.execute(rounds.update().where(rounds.c.round_id == round_id).values(closed_at=closed_at, secret=secret))
    return True
