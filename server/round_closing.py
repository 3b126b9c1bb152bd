"""Closing a round: nothing begins any more, what runs expires, and the secret is revealed last."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from sqlalchemy import Connection, select
from sqlalchemy.ext.asyncio import AsyncEngine

from server.episodes import Episodes
from server.operating import change
from server.round_errors import RoundClosedError, UnknownRoundError
from server.rounds import read_secret
from server.secret_files import SecretFiles
from server.settings import Settings
from server.tables import attempts, rounds

PIECE = 32


class ClosedRound(NamedTuple):
    """What closing did."""

    expired: int
    """Attempts that were still running; they count with the floor score."""
    secret: str
    """Hex."""


async def close_round(
    settings: Settings, reader: AsyncEngine, episodes: Episodes, files: SecretFiles, round_id: str, *, now: str
) -> ClosedRound:
    """Can be repeated where it was interrupted; raises ``UnknownRoundError``, ``RoundClosedError``, ``SecretLostError``."""
    secret = await change(settings, lambda opened: _stop_begins(opened, files, round_id, now))
    expired = await _expire_running(reader, episodes, round_id)
    # Once more: on a database with several writers, a reset that had begun before may have committed since.
    expired += await _expire_running(reader, episodes, round_id)
    await change(settings, lambda opened: _reveal(opened, round_id, secret.hex(), now))
    return ClosedRound(expired, secret.hex())


def _stop_begins(connection: Connection, files: SecretFiles, round_id: str, now: str) -> bytes:
    row = connection.execute(select(rounds).where(rounds.c.round_id == round_id)).one_or_none()
    if row is None:
        raise UnknownRoundError(round_id)
    if row.closed_at is not None:
        raise RoundClosedError(round_id)
    secret = read_secret(files, round_id, row.commitment)
    if row.closing_at is None:
        connection.execute(rounds.update().where(rounds.c.round_id == round_id).values(closing_at=now))
    return secret


async def _expire_running(reader: AsyncEngine, episodes: Episodes, round_id: str) -> int:
    running = (
        select(attempts.c.episode_id)
        .where(attempts.c.round_id == round_id, attempts.c.end_reason.is_(None))
        .limit(PIECE)
    )
    expired = 0
    while True:
        async with reader.connect() as connection:
            names = (await connection.execute(running)).scalars().all()
        outcomes = await asyncio.gather(*(episodes.close(name, "abandoned") for name in names))
        expired += sum(outcomes)
        if not any(outcomes):
            return expired


def _reveal(connection: Connection, round_id: str, secret: str, now: str) -> None:
    connection.execute(rounds.update().where(rounds.c.round_id == round_id).values(closed_at=now, secret=secret))
