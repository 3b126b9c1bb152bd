"""Errors of the event store, and their translation from errors of the database."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError


class StoreError(Exception):
    """Base class of the errors of the event store."""


class WrongExpectedVersionError(StoreError):
    def __init__(self, stream_id: str, expected: int, actual: int) -> None:
        super().__init__(f"{stream_id}: expected version {expected}, but it is {actual}")
        self.stream_id = stream_id
        self.expected = expected
        self.actual = actual


class RequestIdReusedError(StoreError):
    def __init__(self, stream_id: str, request_id: str) -> None:
        super().__init__(f"{stream_id}: request id {request_id} has been used")
        self.stream_id = stream_id
        self.request_id = request_id


class StoreUnavailableError(StoreError):
    """The database does not answer or does not take writes; nothing was written."""


class ConnectionLostError(StoreUnavailableError):
    """The connection broke before the commit; nothing was written."""


class UnansweredCommitError(StoreUnavailableError):
    """The connection broke between the commit and its answer; whether it was written is unknown."""


class RowRefusedError(StoreError):
    """A row of the append violates a constraint; nothing was written."""


class UnreadableEventError(StoreError):
    """A stored event does not have the types it was written with."""


@contextmanager
def translate_database_errors() -> Iterator[None]:
    """Raise ``StoreUnavailableError`` for any error of the driver, of the network or of the connection pool."""
    try:
        yield
    except DBAPIError as error:
        raise StoreUnavailableError(str(error.orig)) from error
    except (OSError, PoolTimeoutError) as error:
        raise StoreUnavailableError(str(error) or "it does not answer in time") from error
