"""Background task: makes checkpoints while the server runs."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from typing import Any, Callable

from sqlalchemy.exc import IntegrityError

from server.audit.checkpoints import draft_checkpoint, read_latest_checkpoint, store_checkpoint
from server.clock import to_timestamp
from server.security.signing import Signer
from server.storage.connections import accept, run_read, run_write
from server.threads import BACKGROUND, run_on_own_loop

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class Checkpointer:
    """Makes a checkpoint at an interval if events were recorded since the latest. Only the last statement writes."""

    database_url: str
    signer: Signer
    _: KW_ONLY
    interval_seconds: float
    clock: Callable[[], datetime]
    check: Callable[[], None] = accept
    """Raises if the database file was replaced since the server opened it."""

    async def make(self) -> dict[str, Any] | None:
        """Make a checkpoint now. None: nothing was recorded since the latest."""
        self.check()
        now = to_timestamp(self.clock())
        # Heads of many streams take seconds to hash.
        signed = await run_on_own_loop(
            BACKGROUND,
            lambda: run_read(self.database_url, lambda opened: draft_checkpoint(opened, self.signer, now=now)),
        )
        if signed is not None:
            try:
                await run_write(self.database_url, lambda opened: store_checkpoint(opened, signed))
            except IntegrityError:
                return None  # another server on the same database made one at the same time
        return signed

    async def latest(self) -> dict[str, Any] | None:
        """The newest stored checkpoint. None: there is none."""
        self.check()
        return await run_read(self.database_url, read_latest_checkpoint)

    async def warn_of_another_key(self) -> None:
        """Log a warning if the latest checkpoint was signed with another key than this server's."""
        latest = await self.latest()
        if latest is not None and latest["public_key"] != self.signer.public_key:
            logger.warning(
                "the latest checkpoint is signed by %s, this server signs with %s: give all servers on this database the "
                "same MLOPS_DEBUG_SECRETS_FOLDER",
                latest["public_key"],
                self.signer.public_key,
            )

    async def run(self) -> None:
        """Run until cancelled; a failure is logged and retried after the interval."""
        while True:
            await asyncio.sleep(self.interval_seconds)
            try:
                await self.warn_of_another_key()
                signed = await self.make()
            except Exception:  # whatever it is, later checkpoints must not be lost with it
                logger.exception("no checkpoint could be made; the next turn tries again")
            else:
                if signed is not None:
                    logger.info("checkpoint %d at position %d", *_number_and_position(signed))


def _number_and_position(signed: dict[str, Any]) -> tuple[int, int]:
    return signed["statement"]["number"], signed["statement"]["position"]
