"""Options that several commands take."""

from __future__ import annotations

from typing import Annotated

import typer

from mlops_debug_env.version import VERSION

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}
"""Context settings of a command group; its commands inherit them."""


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"mlops-debug {VERSION}")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", help="Print the version and end.", callback=_print_version, is_eager=True)
]


def group_options(version: VersionOption = False) -> None:
    """Options of ``mlops-debug`` itself."""


UrlOption = Annotated[str, typer.Option("--url", envvar="MLOPS_DEBUG_URL", help="Address of the server.")]
ApiKeyOption = Annotated[
    str | None, typer.Option("--api-key", envvar="MLOPS_DEBUG_API_KEY", help="Key for a server that asks for one.")
]
ConcurrencyOption = Annotated[int, typer.Option("--concurrency", min=1, max=2000, help="Most episodes in flight.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]
