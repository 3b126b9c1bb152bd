"""``mlops-debug backup`` and ``mlops-debug doctor``."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from mlops_debug_env.protocol.counts import counted
from server.operations.commands.setup import (
    DatabaseOption,
    JsonOption,
    fail,
    require_database,
    secret_files_of,
    settings_of,
    to_url,
)
from server.operations.progress import showing_progress


def backup(
    target: Annotated[Path, typer.Argument(help="The file to write; it must not exist.")],
    database: DatabaseOption = None,
    audits: Annotated[
        int | None,
        typer.Option(min=0, help="Audit only this many of the newest episodes, and the chains of all. Default: all."),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that audit. Default: one a core.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Copy an SQLite database while it is served, and audit the copy.

    Exit 0: no findings, 1: findings, 130: interrupted; nothing is left then.
    """
    with showing_progress(left=f"{target} was not written") as progress:
        from server.operations.backup import BackupError, back_up
        from server.storage.engines import is_sqlite, parse_url

        settings = settings_of(database_url=to_url(database))
        if not is_sqlite(parse_url(settings.database_url)):
            fail("a backup of PostgreSQL is made by pg_dump; see docs/how-to/operations.md")
        require_database(settings, is_read=True)
        try:
            report = back_up(
                settings.database_url,
                secret_files_of(settings),
                target,
                audits=audits,
                workers=workers,
                progress=progress,
            )
        except BackupError as error:
            fail(str(error))
        text = f"{target}: {counted(report.events, 'event')} of {counted(report.episodes, 'episode')}; {report.audited} derived again from their events"
        typer.echo(report.model_dump_json(indent=2) if as_json else "\n".join([*report.findings, text]))
    raise typer.Exit(1 if report.findings else 0)


def doctor(database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Check settings, address, disk, database, clock, keys and secrets, and print what to do.

    Exit 0: a server can start, 1: it cannot, or not safely.
    """
    from server.app import utc_now
    from server.operations.check_result import render
    from server.operations.doctor import run_checks

    found = asyncio.run(run_checks(settings_of(database_url=to_url(database)), now=utc_now()))
    typer.echo(json.dumps([each.model_dump(by_alias=True) for each in found], indent=2) if as_json else render(found))
    raise typer.Exit(1 if any(each.verdict == "bad" for each in found) else 0)
