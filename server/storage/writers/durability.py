"""Refuses databases that are configured so that acknowledged commits can be lost (``synchronous``, ``fsync``)."""

from __future__ import annotations

import logging

from sqlalchemy import Connection

logger = logging.getLogger(__name__)


class UnsafeDatabaseError(RuntimeError):
    """The database could lose acknowledged commits."""

    def __init__(self, durability_warning: str) -> None:
        super().__init__(
            f"the database could lose what it acknowledged: {durability_warning}. Change that, or start with "
            "MLOPS_DEBUG_ACCEPT_DATA_LOSS=true if lost episodes do not matter"
        )
        self.durability_warning = durability_warning


def check_durability(connection: Connection, *, accept: bool) -> str | None:
    """The configuration that could lose acknowledged events, or None. Raises ``UnsafeDatabaseError`` unless accepted."""
    durability_warning = _of_sqlite(connection) if connection.dialect.name == "sqlite" else _of_postgres(connection)
    if durability_warning is not None and not accept:
        raise UnsafeDatabaseError(durability_warning)
    if durability_warning is not None:
        logger.warning("the database could lose what it acknowledged, as a setting accepts: %s", durability_warning)
    return durability_warning


def _of_sqlite(connection: Connection) -> str | None:
    journal_mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
    connection.rollback()
    if journal_mode == "wal" and synchronous == 2:
        return None
    return f"journal_mode is {journal_mode} and synchronous is {synchronous}; they must be wal and 2 (FULL)"


def _of_postgres(connection: Connection) -> str | None:
    shown = {name: connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in ("fsync", "synchronous_commit")}
    connection.rollback()
    off = [name for name, value in shown.items() if value == "off"]
    return f"{' and '.join(off)} {'are' if len(off) > 1 else 'is'} off" if off else None
