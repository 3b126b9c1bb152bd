"""Alembic's entry. The server hands in its connection; by hand, the database of the settings is opened."""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import Connection

from server.database import create_write_engine, parse_url
from server.settings import read_settings
from server.tables import metadata


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with create_write_engine(parse_url(read_settings(os.environ).database_url)).begin() as opened:
        run(opened)
