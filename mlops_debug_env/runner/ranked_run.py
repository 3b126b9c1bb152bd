"""The entries of a ranked round, which a run plays like those of a suite."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, ValidationError

from mlops_debug_env.protocol.errors import MlopsDebugError, ProtocolError
from mlops_debug_env.protocol.types import TaskId
from mlops_debug_env.runner.records import RankedEntry
from mlops_debug_env.transport.async_client import DebugClient


class UnknownRoundError(MlopsDebugError, ValueError):
    """The server has no such round, or it is closed."""


class _Suite(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    suite_id: str
    entries: tuple[TaskId, ...]


class RankedRound(BaseModel):
    """A round as the server publishes it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    round: str
    suite: _Suite
    attempts: int
    closed_at: str | None
    """None: it is open."""

    def entries(self) -> Iterator[RankedEntry]:
        """Every attempt at every entry, the first attempts first."""
        for attempt in range(1, self.attempts + 1):
            for number, task_id in enumerate(self.suite.entries, 1):
                yield RankedEntry(task_id=task_id, round=self.round, number=number, attempt=attempt)


async def find_round(client: DebugClient, round_id: str) -> RankedRound:
    """The open round of a name.

    Raises:
        UnknownRoundError: there is none.
    """
    for published in await client.rounds():
        if published.get("round") == round_id and published.get("closed_at") is None:
            try:
                return RankedRound.model_validate(published)
            except ValidationError as error:
                raise ProtocolError(f"{client.base_url}/rounds has another shape than this client reads") from error
    raise UnknownRoundError(f"{client.base_url} has no open round {round_id!r}; GET /rounds lists them")
