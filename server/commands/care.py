"""Commands that care for a database and for the machine under it: ``backup`` and ``doctor``."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from server.commands.invocation import DatabaseOption, JsonOption, as_url, existing, fail, settings_of
from server.database import is_sqlite, parse_url


def backup(
    target: Annotated[Path, typer.Argument(help="The file to write; it must not exist.")],
    database: DatabaseOption = None,
    audits: Annotated[int, typer.Option(min=0, help="How many episodes to audit whole, the newest first.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Copy an SQLite database while it is served, and check the copy. Exit 0: it is whole, 1: findings."""
    from server.backup import BackupError, back_up
    from server.replay import NotOurDatabaseError
    from server.world import InlineWorld

    settings = existing(settings_of(database_url=as_url(database)))
    if not is_sqlite(parse_url(settings.database_url)):
        fail("a backup of PostgreSQL is made by pg_dump; see docs/operations.md")
    try:
        report = back_up(settings, InlineWorld(), target, audits=audits)
    except (BackupError, NotOurDatabaseError) as error:
        fail(str(error))
    told = f"{target}: {report.events} events of {report.episodes} episodes; {report.audited} audited whole"
    typer.echo(report.model_dump_json(indent=2) if as_json else "\n".join([*report.findings, told]))
    raise typer.Exit(1 if report.findings else 0)


def doctor(database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Look at settings, address, disk, database and clock, and say what to do. Exit 0: a server can start, 1: it cannot."""
    from server.app import utc_now
    from server.doctor import examine, render

    found = asyncio.run(examine(settings_of(database_url=as_url(database)), now=utc_now()))
    typer.echo(json.dumps([each.model_dump() for each in found], indent=2) if as_json else render(found))
    raise typer.Exit(1 if any(each.verdict == "bad" for each in found) else 0)
