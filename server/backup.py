"""Copies an SQLite database while a server writes to it, and checks the copy before it counts as one."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, func, select

from domain.chain import verify_chain
from server.audit import audit_episode
from server.database import database_path, parse_url
from server.replay import reading
from server.settings import Settings
from server.store import UnreadableEventError, read_stream
from server.tables import episodes, events
from server.world import World


class BackupError(Exception):
    """There is no backup."""


class BackupReport(BaseModel):
    """What is in a backup, and what is wrong with it."""

    model_config = ConfigDict(frozen=True)

    episodes: int
    events: int
    audited: int
    """Episodes that were derived again from their events, the newest first; the chains of all were verified."""
    findings: tuple[str, ...]


def back_up(settings: Settings, world: World, target: Path, *, audits: int) -> BackupReport:
    """Copy to ``target``, which must not exist, and audit the copy. A copy with findings stays beside it as ``.part``."""
    if target.exists():
        raise BackupError(f"{target} exists; name a file that does not")
    if not target.absolute().parent.is_dir():
        raise BackupError(f"there is no folder {target.absolute().parent}")
    part = target.absolute().with_name(target.name + ".part")
    _copy(database_path(parse_url(settings.database_url)), part)
    report = asyncio.run(_audited(replace(settings, database_url=f"sqlite:///{part}"), world, audits))
    if not report.findings:
        for made_by_looking in ("-wal", "-shm"):
            part.with_name(part.name + made_by_looking).unlink(missing_ok=True)
        part.rename(target)
    return report


async def _audited(copied: Settings, world: World, audits: int) -> BackupReport:
    async with reading(copied) as connection:
        report = await connection.run_sync(_checked)
        newest = await connection.run_sync(_newest, audits)
    found = list(report.findings)
    for episode_id in newest:
        audited = await audit_episode(copied, world, episode_id)
        found += [f"{episode_id}: {each.code}: {each.message}" for each in audited.findings]
    return report.model_copy(update={"audited": len(newest), "findings": tuple(found)})


def _copy(source: Path, part: Path) -> None:
    """One snapshot: readers of a database in WAL mode keep nobody from writing."""
    part.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as reading_from,
        closing(sqlite3.connect(part)) as writing_to,
    ):
        reading_from.backup(writing_to)
    with part.open("rb") as written:
        os.fsync(written.fileno())


def _checked(connection: Connection) -> BackupReport:
    findings = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check") if row[0] != "ok"]
    streams = list(connection.scalars(select(events.c.stream_id).distinct()))
    count = 0
    for stream_id in streams:
        try:
            links = read_stream(connection, stream_id)
        except UnreadableEventError as error:
            findings.append(str(error))
            continue
        count += len(links)
        findings += [
            f"{stream_id}: version {each.version}: {each.fault} breaks the chain"
            for each in verify_chain(stream_id, links)
        ]
    rows = connection.scalar(select(func.count()).select_from(episodes)) or 0
    if rows != len(streams):
        findings.append(f"{rows} episodes are listed, {len(streams)} have events")
    return BackupReport(episodes=rows, events=count, audited=0, findings=tuple(findings))


def _newest(connection: Connection, at_most: int) -> list[str]:
    newest = select(episodes.c.episode_id).order_by(episodes.c.updated_at.desc()).limit(at_most)
    return list(connection.scalars(newest))
