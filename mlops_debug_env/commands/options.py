"""Options that several commands take."""

from __future__ import annotations

from typing import Annotated

import typer

UrlOption = Annotated[str, typer.Option("--url", envvar="MLOPS_DEBUG_URL", help="Address of the server.")]
ApiKeyOption = Annotated[
    str | None, typer.Option("--api-key", envvar="MLOPS_DEBUG_API_KEY", help="Key for a server that asks for one.")
]
ConcurrencyOption = Annotated[int, typer.Option("--concurrency", min=1, max=2000, help="Most episodes in flight.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]
