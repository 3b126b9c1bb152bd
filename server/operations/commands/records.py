"""``mlops-debug export``, ``verify``, ``rebuild`` and ``regrade``."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_debug_env.commands.export import CardOption, FormatOption
from mlops_debug_env.commands.export import export as export_runs
from mlops_debug_env.commands.options import ApiKeyOption, UrlOption
from mlops_debug_env.exports.formats import What
from mlops_debug_env.protocol.counts import counted
from server.operations.commands.setup import (
    DatabaseOption,
    JsonOption,
    fail,
    parse_public_key,
    read_json,
    require_database,
    run_read,
    run_write,
    settings_of,
    signer_of,
    to_url,
)
from server.operations.progress import showing_progress

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from server.audit.bundle.findings import ExternalEvidence
    from server.episodes.rebuild import Rebuild


def export(
    runs: Annotated[
        list[Path] | None, typer.Argument(help="Folders of runs, as `mlops-debug run` leaves them.")
    ] = None,
    bundle: Annotated[Path | None, typer.Option(help="Write a bundle of the database instead.", dir_okay=False)] = None,
    round_id: Annotated[str | None, typer.Option("--round", help="Bundle: only the episodes of a round.")] = None,
    database: DatabaseOption = None,
    what: Annotated[
        What, typer.Option("--what", help="Runs: what to export; docs/reference/exports.md has the fields.")
    ] = "results",
    out: Annotated[Path | None, typer.Option(help="Runs: file to write. Default: standard output.")] = None,
    least_score: Annotated[float, typer.Option(help="Chat: only episodes that scored as much.")] = 0.0,
    least_gap: Annotated[float, typer.Option(help="Preference: only pairs that are so far apart.")] = 0.1,
    url: UrlOption = "http://127.0.0.1:7860",
    api_key: ApiKeyOption = None,
    file_format: FormatOption = None,
    card: CardOption = None,
) -> None:
    """Export runs as JSON lines or Parquet, or with --bundle a database as one file that can be verified without the server.

    A bundle has events, scenarios, receipts, boards and, once revealed, the secrets of rounds.
    """
    if bundle is not None:
        if runs:
            fail("a bundle is of the database: name either folders of runs or --bundle FILE")
        _export_bundle(bundle, round_id, database)
    elif not runs:
        fail("name folders of runs, or --bundle FILE")
    else:
        export_runs(runs, what, out, least_score, least_gap, url, api_key, file_format, card)


def _export_bundle(bundle: Path, round_id: str | None, database: str | None) -> None:
    with showing_progress(left="no file was written") as progress:
        from server.atomic_files import UnwritableFileError
        from server.audit.bundle.writer import StaleCheckpointError, export_bundle
        from server.clock import utc_timestamp
        from server.operations.commands.audit import make_checkpoint
        from server.ranking.errors import UnknownRoundError

        settings = require_database(settings_of(database_url=to_url(database)))
        if not bundle.absolute().parent.is_dir():
            fail(f"cannot write {bundle}: there is no folder {bundle.absolute().parent}")
        signer = signer_of(settings)
        make_checkpoint(settings, signer, progress)
        try:
            exported = run_read(
                settings,
                lambda opened: export_bundle(
                    opened, signer, bundle, round_id=round_id, now=utc_timestamp(), progress=progress
                ),
                at_once=True,
            )
        except (UnknownRoundError, StaleCheckpointError, UnwritableFileError) as error:
            fail(str(error))
        typer.echo(
            f"{bundle}: {counted(exported.episodes, 'episode')} ({exported.running} running), {counted(exported.events, 'event')}"
        )
        typer.echo(f"public key: {signer.public_key}")
        for name in run_read(settings, _open_rounds):
            if round_id in (None, name):
                note = "until it is closed, do not pass this bundle on: it has seeds and answers of the attempts that ended"
                typer.echo(f"round {name} is open; {note}", err=True)


def _open_rounds(opened: Connection) -> list[str]:
    from server.ranking.rounds import list_rounds

    return [row.round_id for row in list_rounds(opened) if row.closed_at is None]


def verify(
    bundle: Annotated[Path, typer.Argument(help="File that mlops-debug export wrote.", dir_okay=False)],
    public_key: Annotated[str, typer.Option(help="The host's key, as GET /public-key gave it before. 64 hex digits.")],
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(help="A checkpoint that you stored: the bundle must continue from it.", dir_okay=False),
    ] = None,
    receipt: Annotated[
        list[Path] | None, typer.Option(help="A receipt that you stored; may be repeated.", dir_okay=False)
    ] = None,
    commitment: Annotated[
        list[str] | None, typer.Option(help="ROUND=HEX, as GET /rounds gave it when the round opened.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes. Default: one a core.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Verify a bundle: derive all of it again on this machine.

    Exit 0: no findings, 1: findings, 130: interrupted. Needs no server and no database.
    """
    with showing_progress() as progress:
        from sqlalchemy.exc import DBAPIError

        from server.audit.bundle.verifier import BundleError, verify_bundle
        from server.audit.report import render_store_report

        trusted = parse_public_key(public_key)
        evidence = _read_evidence(checkpoint or [], receipt or [], commitment or [])
        try:
            report = verify_bundle(bundle, trusted, evidence=evidence, workers=workers, progress=progress)
        except BundleError as error:
            fail(str(error))
        except (DBAPIError, sqlite3.Error) as error:  # its only databases are temporary files
            reason = getattr(error, "orig", error)
            fail(
                f"no temporary file can be written in {gettempdir()}: {reason}; make room, or name a folder with TMPDIR"
            )
        progress.finish()
        typer.echo(report.model_dump_json(indent=2) if as_json else render_store_report(report))
    raise typer.Exit(1 if report.findings else 0)


def _read_evidence(checkpoints: list[Path], receipts: list[Path], commitments: list[str]) -> ExternalEvidence:
    """The host's statements from before, as files and options give them."""
    from server.audit.bundle.findings import ExternalEvidence
    from server.audit.checkpoint_audit import CheckpointFileError, read_checkpoint

    read = []
    for path in checkpoints:
        try:
            read.append(read_checkpoint(read_json(path)))
        except CheckpointFileError as error:
            fail(f"{path}: {error}")
    named = {}
    for each in commitments:
        name, _, digits = each.partition("=")
        if not name or re.fullmatch(r"[0-9a-fA-F]{64}", digits) is None:
            fail(f"--commitment is ROUND=HEX with 64 hex digits, not {each[:80]!r}")
        named[name] = digits.lower()
    return ExternalEvidence(read, [read_json(path) for path in receipts], named)


def rebuild(
    verify: Annotated[
        bool, typer.Option("--verify", help="Replace nothing unless the rebuilt tables equal the live ones.")
    ] = False,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rebuild the read models from the events.

    Exit 0: done, 1: they differ and were not replaced, 130: interrupted. Meanwhile appends wait or are answered with 503.
    """
    with showing_progress() as progress:
        from server.episodes.rebuild import rebuild as rebuild_tables

        settings = require_database(settings_of(database_url=to_url(database)))
        done = run_write(
            settings,
            lambda opened: rebuild_tables(opened, verify=verify, progress=progress),
            may_take_long=True,
            progress=progress,
        )
        _print_rebuilt(done, as_json)
    raise typer.Exit(0 if done.is_replaced else 1)


def _print_rebuilt(done: Rebuild, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({**done._asdict(), "differences": [each._asdict() for each in done.differences]}))
        return
    typer.echo(", ".join(f"{name}: {counted(count, 'row')}" for name, count in done.rows.items()))
    for each in done.differences:
        typer.echo(
            f"{each.table}: {each.live_only} rows that no event supports, {each.rebuilt_only} rows missing: "
            f"{', '.join(each.examples)}"
        )
    typer.echo("replaced by the rebuilt tables" if done.is_replaced else "left as they are, because they differ")


def regrade(
    rubric: Annotated[
        Path, typer.Option(help="JSON: a version of its own, and the numbers that differ.", dir_okay=False)
    ],
    round_id: Annotated[str | None, typer.Option("--round", help="Only the episodes of a round.")] = None,
    database: DatabaseOption = None,
) -> None:
    """Grade recorded diagnoses under another rubric. The recorded grades stay unchanged."""
    with showing_progress() as progress:
        from server.clock import utc_timestamp
        from server.ranking.regrade import RubricError, parse_rubric
        from server.ranking.regrade import regrade as regrade_all

        settings = require_database(settings_of(database_url=to_url(database)))
        try:
            chosen = parse_rubric(read_json(rubric))
            done = run_write(
                settings,
                lambda opened: regrade_all(opened, chosen, round_id=round_id, now=utc_timestamp(), progress=progress),
                may_take_long=True,
                progress=progress,
            )
        except (RubricError, OSError, ValueError, AttributeError) as error:
            fail(f"{rubric}: {error}")
        typer.echo(
            f"rubric {chosen.version}: {done.graded} graded, {done.changed} differ, {done.skipped} were graded before"
        )
