"""``mlops-debug doctor``: checks all that a server needs to start. Each result states what to do."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, func, select

from server.clock import to_milliseconds, to_timestamp
from server.operations.check_result import CheckResult
from server.operations.listen_address import AddressError, bind, close
from server.operations.secret_checks import check_keys, check_secrets
from server.settings import Settings
from server.storage.connections import NotOurDatabaseError, open_read_connection
from server.storage.database_checks import UnusableDatabaseError, check_database
from server.storage.engines import WAL_LIMIT_BYTES, database_path, is_sqlite, parse_url, shown_url
from server.storage.migrations import ForeignDatabaseError, NewerDatabaseError, read_version
from server.storage.schema import event_rows, events
from server.storage.serving_lock import is_served
from server.storage.sqlite_files import wal_bytes
from server.web.middleware.authentication import is_loopback

MIN_FREE_BYTES = 1_000_000_000
EARLIEST_PLAUSIBLE = datetime(2026, 1, 1, tzinfo=UTC)
MAX_CLOCK_SKEW = timedelta(seconds=5)


async def run_checks(settings: Settings, *, now: datetime) -> list[CheckResult]:
    """Run all checks in the order in which a start would fail."""
    results: list[CheckResult] = []
    for check in (_check_address, _check_disk, _check_database, _check_clock):
        results.append(await check(settings, now))
    return [*results, await check_keys(settings), await check_secrets(settings)]


async def _check_address(settings: Settings, _: datetime) -> CheckResult:
    try:
        close(bind(settings.host, settings.port))
    except AddressError as error:
        return CheckResult.fail("address", str(error))
    if is_loopback(settings.host) or settings.allowed_hosts:
        return CheckResult.ok("address", f"{settings.host}:{settings.port} is free")
    return CheckResult.warn(
        "address",
        f"{settings.host}:{settings.port} is free and can be reached from elsewhere; name the hosts that are served in "
        "MLOPS_DEBUG_ALLOWED_HOSTS, and put a proxy with TLS before it",
    )


async def _check_disk(settings: Settings, _: datetime) -> CheckResult:
    url = parse_url(settings.database_url)
    if not is_sqlite(url):
        return CheckResult.ok("disk", "the database server has its own")
    folder = database_path(url).parent
    if not folder.is_dir():
        return CheckResult.fail("disk", f"there is no folder {folder}; create it")
    if not os.access(folder, os.W_OK):
        return CheckResult.fail("disk", f"{folder} cannot be written; give its rights to the user of the server")
    free = shutil.disk_usage(folder).free
    text = f"{free / 1e9:.1f} GB are free in {folder}"
    if free < MIN_FREE_BYTES:
        return CheckResult.warn("disk", f"{text}; a thousand events take about 0.3 MB with their indexes: make room")
    return CheckResult.ok("disk", text)


async def _check_database(settings: Settings, _: datetime) -> CheckResult:
    url = parse_url(settings.database_url)
    try:
        check_database(url, may_be_missing=True)
        if is_sqlite(url) and not database_path(url).is_file():
            return CheckResult.ok("database", f"{shown_url(url)} will be created at the first start")
        async with open_read_connection(settings.database_url) as connection:
            version = await connection.run_sync(read_version)
            damage = await connection.run_sync(_damage) if is_sqlite(url) else None
    except (ForeignDatabaseError, NewerDatabaseError, NotOurDatabaseError, UnusableDatabaseError) as error:
        return CheckResult.fail("database", str(error))
    if damage is not None:
        return CheckResult.fail("database", f"{shown_url(url)} is damaged ({damage}); restore a backup")
    if not version.is_newest:
        return CheckResult.warn(
            "database",
            f"{shown_url(url)} is at version {version.present}; a start upgrades it, or mlops-debug db upgrade",
        )
    state = f"{shown_url(url)} is whole and at version {version.present}, the newest"
    if is_sqlite(url):
        return _check_use(database_path(url), state)
    return CheckResult.ok("database", state)


def _check_use(path: Path, state: str) -> CheckResult:
    """Check whether other programs use the SQLite file."""
    length = wal_bytes(path)
    if length > WAL_LIMIT_BYTES:
        return CheckResult.warn(
            "database",
            f"{state}; its log is {length / 1e6:.0f} MB long, because a reader has it open: end a backup, an audit or another "
            "program that keeps it open for long",
        )
    if is_served(path):
        return CheckResult.ok("database", f"{state}; a server serves it: a second one would contend for its write lock")
    return CheckResult.ok("database", state)


def _damage(connection: Connection) -> str | None:
    first = str(connection.exec_driver_sql("PRAGMA quick_check").scalars().first())
    return None if first == "ok" else first


async def _check_clock(settings: Settings, now: datetime) -> CheckResult:
    if now < EARLIEST_PLAUSIBLE:
        return CheckResult.fail(
            "clock", f"it is {now:%Y-%m-%d}, before this program was written; set it, preferably by NTP"
        )
    latest = await _latest_event(settings)
    if latest is not None and latest > now + MAX_CLOCK_SKEW:
        return CheckResult.fail(
            "clock",
            f"it is {now:%Y-%m-%d %H:%M:%S}Z, but an event was recorded at {latest:%Y-%m-%d %H:%M:%S}Z; set it, preferably by NTP",
        )
    later = await _count_later_events(settings, now + MAX_CLOCK_SKEW)
    if later:
        return CheckResult.warn(
            "clock",
            f"it is {now:%Y-%m-%d %H:%M:%S}Z, but {later} events are dated later: the clock was ahead when they were recorded. "
            "Their order holds, their times do not; check that NTP keeps the clock",
        )
    return CheckResult.ok("clock", f"it is {now:%Y-%m-%d %H:%M:%S}Z, after everything recorded")


async def _count_later_events(settings: Settings, moment: datetime) -> int:
    """How many events are dated after the moment; 0 where there is no database of the newest version."""
    url = parse_url(settings.database_url)
    if is_sqlite(url) and not database_path(url).is_file():
        return 0
    later = select(func.count()).where(event_rows.c.recorded_at > to_milliseconds(to_timestamp(moment)))
    try:
        async with open_read_connection(settings.database_url) as connection:
            if not (await connection.run_sync(read_version)).is_newest:
                return 0
            return int((await connection.execute(later)).scalar_one())
    except (ForeignDatabaseError, NewerDatabaseError, NotOurDatabaseError):
        return 0


async def _latest_event(settings: Settings) -> datetime | None:
    url = parse_url(settings.database_url)
    if is_sqlite(url) and not database_path(url).is_file():
        return None
    newest = select(events.c.recorded_at).order_by(events.c.position.desc()).limit(1)
    try:
        async with open_read_connection(settings.database_url) as connection:
            results = (await connection.execute(newest)).scalar_one_or_none()
    except NotOurDatabaseError:
        return None
    return datetime.fromisoformat(results) if results is not None else None
