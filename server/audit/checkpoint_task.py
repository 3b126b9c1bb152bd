"""Makes checkpoints while the server runs."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Any, Callable

from sqlalchemy.exc import IntegrityError

from server.audit.checkpoints import draft_checkpoint, keep_checkpoint, read_latest
from server.clock import to_timestamp
from server.security.signing import Signer
from server.storage.connections import accept, run_read, run_write

logger = logging.getLogger(__name__)


class Checkpointer:
    """Every so often, and only where something happened. It only reads until the short write at the end."""

    def __init__(
        self,
        database_url: str,
        signer: Signer,
        *,
        interval_seconds: float,
        clock: Callable[[], datetime],
        check: Callable[[], None] = accept,
    ) -> None:
        """``check`` raises where the database is not the one that the server opened."""
        self._check = check
        self._database_url = database_url
        self._interval_seconds = interval_seconds
        self._signer = signer
        self._clock = clock

    async def make(self) -> dict[str, Any] | None:
        """A checkpoint of now; null: nothing happened since the latest."""
        self._check()
        now = to_timestamp(self._clock())
        signed = await run_read(self._database_url, lambda opened: draft_checkpoint(opened, self._signer, now=now))
        if signed is not None:
            try:
                await run_write(self._database_url, lambda opened: keep_checkpoint(opened, signed))
            except IntegrityError:
                return None  # another server on the same database made one at the same time
        return signed

    async def latest(self) -> dict[str, Any] | None:
        """The newest one that was kept; null: none."""
        self._check()
        return await run_read(self._database_url, read_latest)

    async def warn_of_another_key(self) -> None:
        """Servers on one database, and one server over time, should sign with one key."""
        latest = await self.latest()
        if latest is not None and latest["public_key"] != self._signer.public_key:
            logger.warning(
                "the latest checkpoint is signed by %s, this server signs with %s: give all servers on this database the "
                "same MLOPS_DEBUG_SECRETS_FOLDER",
                latest["public_key"],
                self._signer.public_key,
            )

    async def run(self) -> None:
        """For ever; what fails is tried again by the next turn."""
        while True:
            await asyncio.sleep(self._interval_seconds)
            try:
                await self.warn_of_another_key()
                signed = await self.make()
            except Exception:  # whatever it is, later checkpoints must not be lost with it
                logger.exception("no checkpoint could be made; the next turn tries again")
            else:
                if signed is not None:
                    logger.info("checkpoint %d at position %d", *_named(signed))


def _named(signed: dict[str, Any]) -> tuple[int, int]:
    return signed["statement"]["number"], signed["statement"]["position"]
