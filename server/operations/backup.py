"""Backs up an SQLite database while a server writes to it, and audits the copy before it gets its final name."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, func, select

from domain.chain import verify_chain
from server.atomic_files import sync_file
from server.audit.checkpoint_audit import audit_stored_checkpoints
from server.audit.episode_audit import audit_episode
from server.audit.store_audit import audit_store
from server.progress import NO_PROGRESS, Progress
from server.scenarios.simulation import InProcessSimulation
from server.security.secret_files import SecretFiles
from server.security.signing import own_public_key
from server.storage.connections import open_read_connection, run_read
from server.storage.engines import database_path, parse_url
from server.storage.errors import UnreadableEventError
from server.storage.schema import episode_rows, episodes, event_rows, events
from server.storage.stream_codec import read_stream

_DAMAGED = "the file is damaged: "
_BESIDE = ("-wal", "-shm", "-journal")
"""Files that SQLite makes beside a database."""
_PAGES_PER_STEP = 10_000
"""Of the copy, between two reports of progress: 40 MB."""


class BackupError(Exception):
    """The backup could not be made."""


class BackupReport(BaseModel):
    """The size of a backup, and the findings of its audit."""

    model_config = ConfigDict(frozen=True)

    episodes: int
    events: int
    audited: int
    """Number of audited episodes: all, or the newest that were asked for."""
    findings: tuple[str, ...]


def back_up(
    database_url: str,
    files: SecretFiles,
    target: Path,
    *,
    audits: int | None = None,
    workers: int | None = None,
    progress: Progress = NO_PROGRESS,
) -> BackupReport:
    """Copy an SQLite database to a new file, and audit the copy. A copy with findings stays beside it as ``.part``.

    Args:
        database_url: of the SQLite file.
        files: with the secrets of open rounds and the signing key.
        target: the file to write; it must not exist.
        audits: audit this many of the newest episodes, and the chains of all; None: audit every episode.
        workers: number of processes that audit; None: one a core.
        progress: is told of the pages that are copied and the episodes that are audited.

    Raises:
        BackupError: the copy could not be made.
    """
    if target.exists():
        raise BackupError(f"{target} exists; name a file that does not")
    if not target.absolute().parent.is_dir():
        raise BackupError(f"there is no folder {target.absolute().parent}")
    part = target.absolute().with_name(target.name + ".part")
    try:
        _copy(database_path(parse_url(database_url)), part, progress)
    except (sqlite3.Error, OSError) as error:
        _remove(part)
        raise BackupError(f"cannot write {part}: {error}") from error
    except BaseException:  # interrupted: a copy that was not audited is no backup
        _remove(part)
        raise
    try:
        report = _audit(f"sqlite:///{part}", files, audits, workers, progress)
    except BaseException:
        _remove(part)
        raise
    progress.finish()
    if not report.findings:
        for made_by_looking in _BESIDE:
            part.with_name(part.name + made_by_looking).unlink(missing_ok=True)
        sync_file(part)  # reading it in WAL mode may have written to it
        part.rename(target)
        sync_file(target.parent)
    return report


def _audit(
    copy_url: str, files: SecretFiles, audits: int | None, workers: int | None, progress: Progress
) -> BackupReport:
    report = asyncio.run(run_read(copy_url, _check_file))
    if any(each.startswith(_DAMAGED) for each in report.findings):
        return report
    if audits is None:
        return _audit_all(copy_url, files, report, workers, progress)
    return asyncio.run(_audit_newest(copy_url, files, report, audits, progress))


def _remove(part: Path) -> None:
    for name in ("", *_BESIDE):
        part.with_name(part.name + name).unlink(missing_ok=True)


def _audit_all(
    copy_url: str, files: SecretFiles, report: BackupReport, workers: int | None, progress: Progress
) -> BackupReport:
    """Add the findings of ``mlops-debug audit --all`` to the report."""
    audited = audit_store(copy_url, files, workers=workers, progress=progress)
    trusted = own_public_key(files)
    kept = asyncio.run(run_read(copy_url, lambda opened: audit_stored_checkpoints(opened, trusted)))
    messages = [
        f"{each.episode_id or 'store'}: version {each.version}: {each.code}: {each.message}"
        for each in (*audited.findings, *kept)
    ]
    return report.model_copy(update={"audited": audited.episodes, "findings": (*report.findings, *messages)})


async def _audit_newest(
    copy_url: str, files: SecretFiles, report: BackupReport, audits: int, progress: Progress
) -> BackupReport:
    progress.begin("chains verified", report.episodes)
    async with open_read_connection(copy_url) as connection:
        newest = await connection.run_sync(_read_newest, audits)
        chains = await connection.run_sync(_broken_chains, progress)
    found = [*report.findings, *chains]
    progress.begin("episodes audited", len(newest))
    for episode_id in newest:
        progress.advance()
        audited = await audit_episode(copy_url, files, InProcessSimulation(), episode_id)
        found += [f"{episode_id}: {each.code}: {each.message}" for each in audited.findings]
    return report.model_copy(update={"audited": len(newest), "findings": tuple(found)})


def _copy(source: Path, part: Path, progress: Progress) -> None:
    """Copy one snapshot. In WAL mode this does not block writers."""
    _remove(part)
    with (
        closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True, isolation_level=None)) as reading_from,
        closing(sqlite3.connect(part)) as writing_to,
    ):
        # One read transaction for all steps: without it, every commit of a server would begin the copy anew.
        reading_from.execute("BEGIN")
        reading_from.execute("SELECT count(*) FROM sqlite_master").fetchone()
        copied = 0

        def report(_: int, remaining: int, total: int) -> None:
            nonlocal copied
            if not copied:
                progress.begin("pages copied", total)
            progress.advance(total - remaining - copied)
            copied = total - remaining

        reading_from.backup(writing_to, pages=_PAGES_PER_STEP, progress=report, sleep=0)
    sync_file(part)


def _check_file(connection: Connection) -> BackupReport:
    """Check the file with SQLite's integrity check, and count its rows."""
    damage = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check") if row[0] != "ok"]
    findings = [f"{_DAMAGED}{each}" for each in damage]
    count = connection.scalar(select(func.count()).select_from(event_rows)) or 0
    streams = connection.scalar(select(func.count(event_rows.c.stream.distinct()))) or 0
    rows = connection.scalar(select(func.count()).select_from(episode_rows)) or 0
    if rows != streams:
        findings.append(f"{rows} episodes are listed, {streams} have events")
    return BackupReport(episodes=rows, events=count, audited=0, findings=tuple(findings))


def _broken_chains(connection: Connection, progress: Progress) -> list[str]:
    findings = []
    for stream_id in list(connection.scalars(select(events.c.stream_id).distinct())):
        progress.advance()
        try:
            links = read_stream(connection, stream_id)
        except UnreadableEventError as error:
            findings.append(str(error))
            continue
        findings += [
            f"{stream_id}: version {each.version}: {each.fault} breaks the chain"
            for each in verify_chain(stream_id, links)
        ]
    return findings


def _read_newest(connection: Connection, at_most: int) -> list[str]:
    newest = select(episodes.c.episode_id).order_by(episodes.c.updated_ms.desc()).limit(at_most)
    return list(connection.scalars(newest))
