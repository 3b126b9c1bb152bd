"""``mlops-debug rounds``: open, close and show ranked rounds."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from domain.ranking.rounds import RANKED_SPLIT
from domain.types import SplitName
from mlops_debug_env.protocol.counts import counted
from server.operations.commands.setup import (
    DatabaseOption,
    JsonOption,
    fail,
    require_database,
    require_usable_database,
    run_write,
    secret_files_of,
    settings_of,
    to_url,
)
from server.settings import Settings

if TYPE_CHECKING:
    from server.ranking.closing import ClosedRound

rounds = typer.Typer(help="Ranked rounds: seeds from a secret that is committed to first.", no_args_is_help=True)


@rounds.command("open")
def open_one(
    suite: Annotated[str, typer.Option(help="What is played.")] = "ranked-3",
    attempts: Annotated[int, typer.Option(min=1, max=100, help="Attempts of an agent at each entry.")] = 4,
    split: Annotated[
        SplitName, typer.Option(help="Whose styles the scenarios are written in: train, validation or test.")
    ] = RANKED_SPLIT,
    name: Annotated[
        str | None, typer.Option(help="Name of the round. Default: the day and four random digits.")
    ] = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw a secret, write it to a file, and publish its SHA-256 together with suite, rubric and generator."""
    from domain.tasks.suites import UnknownSuiteError, find_suite
    from server.clock import utc_timestamp
    from server.ranking.rounds import RetiredSuiteError, RoundNameError, open_round, round_json
    from server.security.secret_files import SecretLostError

    settings = settings_of(database_url=to_url(database))
    require_usable_database(settings)
    files = secret_files_of(settings)
    try:
        chosen, named = find_suite(suite), name or _generate_name()
        row = run_write(
            settings,
            lambda opened: open_round(
                opened, files, named, chosen, attempts_allowed=attempts, split=split, now=utc_timestamp()
            ),
        )
    except (UnknownSuiteError, RetiredSuiteError, RoundNameError, SecretLostError) as error:
        fail(str(error))
    if as_json:
        typer.echo(json.dumps(round_json(row), indent=2))
        return
    typer.echo(
        f"round {row.round_id}: suite {row.suite_id}, {counted(row.attempts, 'attempt')} at each entry, split {row.split}"
    )
    typer.echo(f"commitment (SHA-256 of the secret): {row.commitment}")
    typer.echo(f"the secret is in {files.folder}; back it up, and keep it private")


@rounds.command("list")
def list_all(database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Show every round, the newest first."""
    from server.ranking.rounds import list_rounds, round_json

    settings = require_database(settings_of(database_url=to_url(database)))
    found = [round_json(row) for row in run_write(settings, list_rounds)]
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for each in found:
        state = f"closed {each['closed_at']}" if each["closed_at"] else f"open since {each['opened_at']}"
        typer.echo(f"{each['round']}  {each['suite']['suite_id']}  {counted(each['attempts'], 'attempt')}  {state}")


@rounds.command()
def close(
    name: Annotated[str, typer.Argument(help="Name of the round.")],
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close a round for good: running attempts expire with the floor score, and the secret is revealed."""
    from server.episodes.errors import RoundError
    from server.security.secret_files import SecretLostError

    settings = require_database(settings_of(database_url=to_url(database)))
    try:
        closed = asyncio.run(_close(settings, name))
    except (RoundError, SecretLostError) as error:
        fail(str(error))
    if as_json:
        typer.echo(json.dumps(closed._asdict()))
        return
    typer.echo(f"round {name} is closed; {counted(closed.expired, 'attempt')} expired")
    typer.echo(f"secret: {closed.secret}")


async def _close(settings: Settings, name: str) -> ClosedRound:
    from server.app import random_id, utc_now
    from server.ranking.closing import close_round
    from server.scenarios.simulation import InProcessSimulation
    from server.services import open_services

    # A server may run at the same time: it reads the round for each reset, and finds the episodes ended.
    async with open_services(settings, InProcessSimulation(), clock=utc_now, new_id=random_id, is_server=False) as here:
        files = secret_files_of(settings)
        closed = await close_round(settings.database_url, here.reader, here.episodes, files, name, clock=utc_now)
        await here.checkpointer.make()
        return closed


def _generate_name() -> str:
    import secrets

    return f"{datetime.now(UTC):%Y-%m-%d}-{secrets.token_hex(2)}"
