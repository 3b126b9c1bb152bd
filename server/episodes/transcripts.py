"""Transcripts of models, as their clients share them.

Rules: 1. A transcript is a claim of the client: it is no event, and neither hashed, signed nor graded. 2. It is accepted while the episode
runs, so that it cannot be written to fit the grade, and shown after the end. 3. The first one of an episode stays.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from annotated_types import MaxLen
from pydantic import BeforeValidator, Field
from sqlalchemy import Connection, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.diagnosis import whole
from server.clock import to_timestamp
from server.episodes.commands import OuterModel
from server.storage.connections import accept, run_write
from server.storage.errors import translate_database_errors
from server.storage.schema import transcripts

_INSERT = text(
    "INSERT INTO transcripts (episode_id, shared_at, body) VALUES (:episode_id, :shared_at, :body) "
    "ON CONFLICT (episode_id) DO NOTHING"
)
LongText = Annotated[str, MaxLen(20_000)]


class SharedReply(OuterModel):
    """One reply of the model."""

    step: Annotated[int, Field(ge=1, le=1000), BeforeValidator(whole)]
    """Number of the step that it was asked for."""
    text: LongText = ""
    """Content of the message."""
    reasoning: LongText = ""
    """What the endpoint gave as its reasoning."""
    calls: Annotated[tuple[LongText, ...], MaxLen(16)] = ()
    """Its tool calls, each as text."""
    problem: LongText = ""
    """Why it led to no action; empty: its action was taken."""


class SharedTranscript(OuterModel):
    """The replies of a model in an episode."""

    model: Annotated[str, MaxLen(200)] = ""
    """Its name."""
    replies: Annotated[tuple[SharedReply, ...], MaxLen(1000)]
    """In their order."""


class Transcripts:
    """Stores and reads transcripts.

    Args:
        database_url: of the store.
        reader: for reads.
        clock: gives the time of a transcript.
        check: raises if the database file was replaced since the server opened it.
    """

    def __init__(
        self,
        database_url: str,
        reader: AsyncEngine,
        *,
        clock: Callable[[], datetime],
        check: Callable[[], None] = accept,
    ) -> None:
        self._database_url = database_url
        self._reader = reader
        self._clock = clock
        self._check = check

    async def store(self, episode_id: str, shared: SharedTranscript) -> None:
        """Store a transcript, unless the episode has one."""
        row = {
            "episode_id": episode_id,
            "shared_at": to_timestamp(self._clock()),
            "body": shared.model_dump_json(exclude_defaults=True),
        }

        def insert(connection: Connection) -> None:
            connection.execute(_INSERT, row)

        self._check()
        with translate_database_errors():
            await run_write(self._database_url, insert)

    async def read(self, episode_id: str) -> SharedTranscript | None:
        """The transcript of an episode; None: none was shared."""
        wanted = select(transcripts.c.body).where(transcripts.c.episode_id == episode_id)
        with translate_database_errors():
            async with self._reader.connect() as connection:
                body = await connection.scalar(wanted)
        return None if body is None else SharedTranscript.model_validate_json(body)
