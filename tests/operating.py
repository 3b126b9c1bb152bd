"""Changes to the operator's tables, as a command would make them, also from within a test whose loop runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection

from server.settings import Settings
from server.storage.connections import migrate_and_run

_Result = TypeVar("_Result")


def changed(settings: Settings, statements: Callable[[Connection], _Result]) -> _Result:
    """One transaction, on a database that is made where there is none."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(migrate_and_run(settings.database_url, statements))).result()
