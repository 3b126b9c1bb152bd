"""``mlops-debug keys``: create, list and revoke API keys."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from server.operations.commands.setup import (
    DatabaseOption,
    JsonOption,
    fail,
    require_database,
    require_usable_database,
    run_write,
    settings_of,
    to_url,
)
from server.security.identity import KEY_KINDS, SCOPES, KeyKind, Scope

keys = typer.Typer(help="API keys with their scopes.", no_args_is_help=True)


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="The agent's name on the board, or the owner of the key.")],
    scope: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(SCOPES)}; may be repeated.")] = None,
    kind: Annotated[str, typer.Option(help=f"How the board marks it: {', '.join(KEY_KINDS)}.")] = "agent",
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a key and print it. Only its hash is stored: it cannot be shown again."""
    from server.clock import utc_timestamp
    from server.security.api_keys import KeyNameTakenError, create_key

    scopes = _scopes(scope or ["agent"])
    if kind not in KEY_KINDS:
        fail(f"{kind!r} is not a kind of key; choose one of {', '.join(KEY_KINDS)}")
    if not 1 <= len(name) <= 200:
        fail("a name has 1 to 200 characters")
    chosen: KeyKind = kind
    settings = settings_of(database_url=to_url(database))
    require_usable_database(settings)
    try:
        text = run_write(settings, lambda opened: create_key(opened, name, scopes, kind=chosen, now=utc_timestamp()))
    except KeyNameTakenError as error:
        fail(str(error))
    typer.echo(json.dumps({"key": text, "name": name, "scopes": scopes, "kind": kind}) if as_json else text)


@keys.command("list")
def list_all(database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Show every key's prefix, name and scopes; never the key."""
    from server.security.api_keys import list_keys

    found = run_write(require_database(settings_of(database_url=to_url(database))), list_keys)
    if as_json:
        typer.echo(json.dumps([each._asdict() for each in found], indent=2))
        return
    for each in found:
        state = f"revoked {each.revoked_at}" if each.revoked_at else f"since {each.created_at}"
        typer.echo(f"{each.prefix}  {each.kind:9}{','.join(each.scopes):16}{state}  {each.name}")


@keys.command()
def revoke(key: Annotated[str, typer.Argument(help="Prefix or name.")], database: DatabaseOption = None) -> None:
    """Revoke a key. A running server notices within two seconds; the key's episodes and its name on the board stay."""
    from server.clock import utc_timestamp
    from server.security.api_keys import UnknownKeyError, revoke_key

    settings = require_database(settings_of(database_url=to_url(database)))
    try:
        revoked = run_write(settings, lambda opened: revoke_key(opened, key, now=utc_timestamp()))
    except UnknownKeyError as error:
        fail(str(error))
    typer.echo(f"revoked {revoked.prefix}, {revoked.name}")


def _scopes(given: list[str]) -> tuple[Scope, ...]:
    unknown = [each for each in given if each not in SCOPES]
    if unknown:
        fail(f"{unknown[0]!r} is not a scope; choose from {', '.join(SCOPES)}")
    return tuple(each for each in SCOPES if each in given)
