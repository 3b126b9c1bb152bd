"""``mlops-debug audit`` and ``mlops-debug checkpoint``."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_debug_env.protocol.counts import counted
from server.operations.commands.setup import (
    DatabaseOption,
    JsonOption,
    fail,
    find_episode,
    parse_public_key,
    read_json,
    require_database,
    run_read,
    run_write,
    secret_files_of,
    settings_of,
    signer_of,
    to_url,
    upgrade_tables,
)
from server.operations.progress import ShownProgress, showing_progress
from server.progress import Progress
from server.settings import Settings

if TYPE_CHECKING:
    from server.audit.report import StoreReport
    from server.audit.store_audit import Derive
    from server.security.signing import Signer

NO_KEY = "nothing is recorded, so every episode is derived: the store has no key to sign with, which `serve` and `checkpoint` make"


def audit(
    episode: Annotated[
        str | None, typer.Argument(help="Name of one episode, as its player or as the store has it.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every episode.")] = False,
    round_id: Annotated[str | None, typer.Option("--round", help="Every episode of a round.")] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Compare the store with a checkpoint file that was stored elsewhere.", dir_okay=False),
    ] = None,
    public_key: Annotated[
        str | None,
        typer.Option(help="Key that must have signed, as GET /public-key gives it. Default: this store's own key."),
    ] = None,
    since_last: Annotated[
        bool,
        typer.Option(
            "--since-last", help="Derive what no earlier audit has derived as it is; compare chains and heads of all."
        ),
    ] = False,
    sample: Annotated[
        int | None,
        typer.Option(min=1, help="Derive so many episodes, drawn by lot; compare chains and heads of all."),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes. Default: one a core.")] = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Audit recorded episodes: chains, scenarios, actions, grades and rows.

    An audit of many episodes records what it has derived. Ctrl-C ends it; --since-last goes on from there.

    Exit 0: no findings, 1: findings, 130: interrupted.
    """
    from server.episodes.errors import UnknownEpisodeError

    is_partly = since_last or sample is not None
    if episode is not None and is_partly:
        fail("--since-last and --sample are for many episodes; name one episode alone")
    every = every or (is_partly and round_id is None)
    asked = [episode is not None, every, round_id is not None]
    if sum(asked) > 1 or not (any(asked) or checkpoint) or (episode and checkpoint):
        fail("name one episode, or --all, or --round ROUND; or --checkpoint FILE, alone or with --all or --round")
    if since_last and sample is not None:
        fail("name either --since-last or --sample N")
    trusted = parse_public_key(public_key) if public_key is not None else None
    with showing_progress() as progress:
        settings = require_database(settings_of(database_url=to_url(database)), is_read=True)
        try:
            if episode is not None:
                _audit_one(settings, find_episode(settings, episode), as_json)
            _audit_many(
                settings,
                every=every,
                round_id=round_id,
                checkpoint=checkpoint,
                public_key=trusted,
                since_last=since_last,
                sample=sample,
                workers=workers,
                as_json=as_json,
                progress=progress,
            )
        except UnknownEpisodeError as error:
            fail(str(error))


def _audit_one(settings: Settings, episode: str, as_json: bool) -> None:
    from server.audit.episode_audit import audit_episode
    from server.audit.report import render_report
    from server.scenarios.simulation import InProcessSimulation

    report = asyncio.run(
        audit_episode(settings.database_url, secret_files_of(settings), InProcessSimulation(), episode)
    )
    typer.echo(report.model_dump_json(indent=2) if as_json else render_report(report))
    raise typer.Exit(1 if report.findings else 0)


def _audit_many(
    settings: Settings,
    *,
    every: bool,
    round_id: str | None,
    checkpoint: Path | None,
    public_key: str | None,
    since_last: bool,
    sample: int | None,
    workers: int | None,
    as_json: bool,
    progress: ShownProgress,
) -> None:
    from server.audit.checkpoint_audit import CheckpointFileError, audit_against_checkpoint, audit_stored_checkpoints
    from server.audit.report import StoreReport, render_store_report
    from server.audit.store_audit import Derive
    from server.security.signing import own_public_key

    own = own_public_key(secret_files_of(settings))
    trusted = public_key or own
    report = StoreReport(episodes=0, events=0, scenarios=0, seconds=0.0, seconds_a_scenario=None, findings=(), notes={})
    if every or round_id is not None:
        which = Derive("new" if since_last else "sample" if sample is not None else "all", sample or 0, own)
        report = _audit_store(settings, which, round_id, workers, progress)
    found = [*report.findings, *run_read(settings, lambda opened: audit_stored_checkpoints(opened, trusted))]
    if checkpoint is not None:
        signed = read_json(checkpoint)
        try:
            found += run_read(settings, lambda opened: audit_against_checkpoint(opened, signed, trusted))
        except CheckpointFileError as error:
            fail(f"{checkpoint}: {error}")
    report = report.model_copy(update={"findings": tuple(found)})
    is_of_checkpoint = not every and round_id is None
    typer.echo(
        report.model_dump_json(indent=2) if as_json else render_store_report(report, is_of_checkpoint=is_of_checkpoint)
    )
    raise typer.Exit(1 if found else 0)


def _audit_store(
    settings: Settings, derive: Derive, round_id: str | None, workers: int | None, progress: ShownProgress
) -> StoreReport:
    """Audit, and record what was derived, also of an audit that is interrupted."""
    from server.audit.audit_recorder import AuditRecorder
    from server.audit.store_audit import audit_store
    from server.gc_tuning import few_gc_pauses

    recorder = None
    if derive.public_key is not None:
        recorder = AuditRecorder(settings.database_url, signer_of(settings), clock=partial(datetime.now, UTC))
    elif derive.which == "new":
        typer.echo(f"note: {NO_KEY}", err=True)
    goes_on = "mlops-debug audit --since-last goes on from there" if recorder is not None else "nothing was recorded"
    progress.left = goes_on
    try:
        with few_gc_pauses():
            report = audit_store(
                settings.database_url,
                secret_files_of(settings),
                round_id=round_id,
                workers=workers,
                derive=derive,
                record=recorder.add if recorder is not None else lambda _: None,
                progress=progress,
            )
    finally:
        if recorder is not None:
            recorder.flush()
    if recorder is None:
        return report
    if derive.which == "all" and round_id is None:
        recorder.replace_earlier()
    if recorder.problem is not None:
        typer.echo(f"warning: what was derived could not be recorded: {recorder.problem}", err=True)
    return report


def checkpoint(
    out: Annotated[
        Path | None, typer.Option(help="File to write; store it on another machine.", dir_okay=False)
    ] = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign one hash over all present episodes. A copy stored elsewhere shows what was removed or rolled back later."""
    with showing_progress(left="no file was written") as progress:
        from server.atomic_files import UnwritableFileError, atomic_write
        from server.audit.checkpoints import read_latest_checkpoint, write_with_heads

        settings = require_database(settings_of(database_url=to_url(database)))
        make_checkpoint(settings, signer_of(settings), progress)
        signed = run_read(settings, read_latest_checkpoint)
        if signed is None:
            fail("there is nothing to sign yet")
        if out is not None:
            try:
                with atomic_write(out) as unfinished, unfinished.open("w") as file:
                    progress.begin("heads written")
                    run_read(settings, lambda opened: write_with_heads(opened, signed, file, progress), at_once=True)
                    progress.finish()
            except UnwritableFileError as error:
                fail(str(error))
        statement = signed["statement"]
        typer.echo(
            json.dumps(signed, indent=2)
            if as_json
            else f"checkpoint {statement['number']}: {counted(statement['streams'], 'episode')}, heads {statement['heads_hash']}"
        )


def make_checkpoint(settings: Settings, signer: Signer, progress: Progress) -> None:
    """Make a checkpoint if anything was recorded since the latest, unless another process does so at the same time."""
    from sqlalchemy.exc import IntegrityError

    from server.audit.checkpoints import draft_checkpoint, store_checkpoint
    from server.clock import utc_timestamp

    upgrade_tables(settings, progress)
    progress.begin("heads hashed")
    signed = run_read(settings, lambda opened: draft_checkpoint(opened, signer, now=utc_timestamp(), progress=progress))
    if signed is not None:
        with suppress(IntegrityError):
            run_write(settings, partial(store_checkpoint, signed=signed))
