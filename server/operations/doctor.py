"""Looks at everything that a server needs before it is started, and says what to do about what is missing."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, select

from server.operations.check_result import CheckResult, bad, good, note
from server.operations.listen_address import AddressError, bind, close
from server.operations.secret_checks import check_keys, check_secrets
from server.settings import Settings
from server.storage.connections import NotOurDatabaseError, open_read_connection
from server.storage.database_checks import UnusableDatabaseError, check_database
from server.storage.engines import LOG_LIMIT_BYTES, database_path, is_sqlite, parse_url, shown_url
from server.storage.migrations import ForeignDatabaseError, NewerDatabaseError, read_version
from server.storage.schema import events
from server.storage.serving_lock import is_served
from server.storage.sqlite_files import log_bytes
from server.web.middleware.authentication import is_loopback

FREE_BYTES = 1_000_000_000
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
SKEW = timedelta(seconds=5)


async def examine(settings: Settings, *, now: datetime) -> list[CheckResult]:
    """Everything, in the order in which it would fail at a start."""
    found: list[CheckResult] = []
    for look in (_address, _disk, _database, _clock):
        found.append(await look(settings, now))
    return [*found, await check_keys(settings), await check_secrets(settings)]


async def _address(settings: Settings, _: datetime) -> CheckResult:
    try:
        close(bind(settings.host, settings.port))
    except AddressError as error:
        return bad("address", str(error))
    if is_loopback(settings.host) or settings.allowed_hosts:
        return good("address", f"{settings.host}:{settings.port} is free")
    return note(
        "address",
        f"{settings.host}:{settings.port} is free and can be reached from elsewhere; name the hosts that are served in "
        "MLOPS_DEBUG_ALLOWED_HOSTS, and put a proxy with TLS before it",
    )


async def _disk(settings: Settings, _: datetime) -> CheckResult:
    url = parse_url(settings.database_url)
    if not is_sqlite(url):
        return good("disk", "the database has its own")
    folder = database_path(url).parent
    if not folder.is_dir():
        return bad("disk", f"there is no folder {folder}; make it")
    if not os.access(folder, os.W_OK):
        return bad("disk", f"{folder} cannot be written; give its rights to the user of the server")
    free = shutil.disk_usage(folder).free
    told = f"{free / 1e9:.1f} GB are free in {folder}"
    if free < FREE_BYTES:
        return note("disk", f"{told}; an event takes about 1 KB with its indexes: make room")
    return good("disk", told)


async def _database(settings: Settings, _: datetime) -> CheckResult:
    url = parse_url(settings.database_url)
    try:
        check_database(url, may_be_missing=True)
        if is_sqlite(url) and not database_path(url).is_file():
            return good("database", f"{shown_url(url)} will be made at the first start")
        async with open_read_connection(settings.database_url) as connection:
            version = await connection.run_sync(read_version)
            damage = await connection.run_sync(_damage) if is_sqlite(url) else None
    except (ForeignDatabaseError, NewerDatabaseError, NotOurDatabaseError, UnusableDatabaseError) as error:
        return bad("database", str(error))
    if damage is not None:
        return bad("database", f"{shown_url(url)} is damaged ({damage}); restore a backup")
    if not version.is_newest:
        return note(
            "database",
            f"{shown_url(url)} is at version {version.present}; a start upgrades it, or mlops-debug db upgrade",
        )
    whole = f"{shown_url(url)} is whole and at version {version.present}, the newest"
    if is_sqlite(url):
        return _in_use(database_path(url), whole)
    return good("database", whole)


def _in_use(path: Path, whole: str) -> CheckResult:
    """What other programs do with an SQLite file."""
    length = log_bytes(path)
    if length > LOG_LIMIT_BYTES:
        return note(
            "database",
            f"{whole}; its log is {length / 1e6:.0f} MB long, because a reader holds it: end a backup, an audit or another "
            "program that has it open for long",
        )
    if is_served(path):
        return good("database", f"{whole}; a server serves it: a second one would write in turns with it")
    return good("database", whole)


def _damage(connection: Connection) -> str | None:
    first = str(connection.exec_driver_sql("PRAGMA quick_check").scalars().first())
    return None if first == "ok" else first


async def _clock(settings: Settings, now: datetime) -> CheckResult:
    if now < EARLIEST:
        return bad("clock", f"it says {now:%Y-%m-%d}, before this program was written; set it, best by NTP")
    latest = await _latest_event(settings)
    if latest is not None and latest > now + SKEW:
        return bad(
            "clock",
            f"it is {now:%Y-%m-%d %H:%M:%S}Z, but an event was recorded at {latest:%Y-%m-%d %H:%M:%S}Z; set it, best by NTP",
        )
    return good("clock", f"it is {now:%Y-%m-%d %H:%M:%S}Z, after everything recorded")


async def _latest_event(settings: Settings) -> datetime | None:
    url = parse_url(settings.database_url)
    if is_sqlite(url) and not database_path(url).is_file():
        return None
    newest = select(events.c.recorded_at).order_by(events.c.position.desc()).limit(1)
    try:
        async with open_read_connection(settings.database_url) as connection:
            found = (await connection.execute(newest)).scalar_one_or_none()
    except NotOurDatabaseError:
        return None
    return datetime.fromisoformat(found) if found is not None else None
