"""``mlops-debug audit`` and ``checkpoint``: does the record say what happened, and is it still the same record?"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import IntegrityError

from server.operations.commands.setup import (
    DatabaseOption,
    JsonOption,
    as_url,
    existing,
    fail,
    public_key_of,
    read_json,
    run_read,
    run_write,
    secret_files_of,
    settings_of,
    signer_of,
)
from server.security.signing import Signer
from server.settings import Settings


def audit(
    episode: Annotated[str | None, typer.Argument(help="Name of one episode.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every episode.")] = False,
    round_id: Annotated[str | None, typer.Option("--round", help="Every episode of a round.")] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Hold the store against a checkpoint that was kept elsewhere.", dir_okay=False)
    ] = None,
    public_key: Annotated[
        str | None,
        typer.Option(help="Whose signatures are good, as GET /public-key says. Default: this store's own key."),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes. Default: one a core.")] = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that the record is whole and says what happened. Exit 0: no findings, 1: findings."""
    from server.audit.replay import UnknownStreamError

    asked = [episode is not None, every, round_id is not None]
    if sum(asked) > 1 or not (any(asked) or checkpoint) or (episode and checkpoint):
        fail(
            "name one episode, or --all, or --round ROUND; or --checkpoint FILE, alone or beside one of the latter two"
        )
    trusted = public_key_of(public_key) if public_key is not None else None
    settings = existing(settings_of(database_url=as_url(database)))
    try:
        if episode is not None:
            _audit_one(settings, episode, as_json)
        _audit_many(
            settings,
            every=every,
            round_id=round_id,
            checkpoint=checkpoint,
            public_key=trusted,
            workers=workers,
            as_json=as_json,
        )
    except UnknownStreamError as error:
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
    workers: int | None,
    as_json: bool,
) -> None:
    from server.audit.checkpoint_audit import CheckpointFileError, audit_against, audit_kept
    from server.audit.report import StoreReport, render_store_report
    from server.audit.store_audit import audit_store
    from server.security.signing import own_public_key

    trusted = public_key or own_public_key(secret_files_of(settings))
    report = StoreReport(episodes=0, events=0, scenarios=0, seconds=0.0, seconds_a_scenario=None, findings=(), notes={})
    if every or round_id is not None:
        report = audit_store(settings.database_url, secret_files_of(settings), round_id=round_id, workers=workers)
    found = [*report.findings, *run_read(settings, lambda opened: audit_kept(opened, trusted))]
    if checkpoint is not None:
        signed = read_json(checkpoint)
        try:
            found += run_read(settings, lambda opened: audit_against(opened, signed, trusted))
        except CheckpointFileError as error:
            fail(f"{checkpoint}: {error}")
    report = report.model_copy(update={"findings": tuple(found)})
    typer.echo(report.model_dump_json(indent=2) if as_json else render_store_report(report))
    raise typer.Exit(1 if found else 0)


def checkpoint(
    out: Annotated[
        Path | None, typer.Option(help="File to write, to be kept on another machine.", dir_okay=False)
    ] = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign one hash over all episodes as they are now. Kept elsewhere, it shows what was removed or rolled back later."""
    from server.atomic_files import UnwritableFileError, write_text_atomically
    from server.audit.checkpoints import read_latest, with_heads

    settings = existing(settings_of(database_url=as_url(database)))
    make_checkpoint(settings, signer_of(settings))
    kept = run_read(settings, read_latest)
    if kept is None:
        fail("there is nothing to sign yet")
    if out is not None:
        whole = run_read(settings, lambda opened: with_heads(opened, kept))
        try:
            write_text_atomically(out, json.dumps(whole, indent=1) + "\n")
        except UnwritableFileError as error:
            fail(str(error))
    statement = kept["statement"]
    typer.echo(
        json.dumps(kept, indent=2)
        if as_json
        else f"checkpoint {statement['number']}: {statement['streams']} episodes, heads {statement['heads_hash']}"
    )


def make_checkpoint(settings: Settings, signer: Signer) -> None:
    """A checkpoint of now, where something happened since the latest; another program's of the same moment will do."""
    from server.audit.checkpoints import draft_checkpoint, keep_checkpoint
    from server.clock import utc_timestamp

    run_write(settings, lambda opened: None)  # brought up to date
    signed = run_read(settings, lambda opened: draft_checkpoint(opened, signer, now=utc_timestamp()))
    if signed is not None:
        with suppress(IntegrityError):
            run_write(settings, partial(keep_checkpoint, signed=signed))
