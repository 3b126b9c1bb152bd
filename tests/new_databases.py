"""New SQLite databases of this process get the tables of one that was upgraded once, which is what an upgrade gives them.

To apply every migration takes longer than most tests of what is done with a database. A database that has tables already is
upgraded by its migrations, and so is every database with ``--seeds full``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest
from sqlalchemy import Connection, create_engine

from server.storage import migrations


@contextmanager
def tables_copied_into_new_databases() -> Iterator[None]:
    upgrade = migrations._upgrade

    @cache
    def statements() -> tuple[str, ...]:
        with create_engine("sqlite://").begin() as connection:
            upgrade(connection)
            raw = connection.connection.driver_connection
            assert raw is not None
            return tuple(one for one in raw.iterdump() if one not in ("BEGIN TRANSACTION;", "COMMIT;"))

    def copied(connection: Connection) -> None:
        if connection.dialect.name != "sqlite" or _has_tables(connection):
            upgrade(connection)
            return
        for statement in statements():
            connection.exec_driver_sql(statement)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrations, "_upgrade", copied)
        yield


def _has_tables(connection: Connection) -> bool:
    return bool(connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar())
