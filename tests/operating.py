"""Changes to the operator's tables of an SQLite database, as a command would make them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from server.database import create_write_engine, parse_url
from server.schema_versions import upgrade
from server.settings import Settings


@contextmanager
def writing(settings: Settings) -> Iterator[Connection]:
    """One transaction, on a database that is made where there is none."""
    engine = create_write_engine(parse_url(settings.database_url))
    try:
        upgrade(engine)
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()
