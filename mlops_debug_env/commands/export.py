"""``mlops-debug export``: runs as JSON lines."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from mlops_debug_env.commands.exit_codes import one_line_errors, write_out
from mlops_debug_env.commands.options import ApiKeyOption, UrlOption

Write = Callable[[str], None]
What = Literal["results", "chat", "preference", "events"]


def export(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs.")],
    what: Annotated[
        What, typer.Option("--what", help="What to export: docs/reference/exports.md has the fields.")
    ] = "results",
    out: Annotated[Path | None, typer.Option(help="File to write. Default: standard output.")] = None,
    least_score: Annotated[float, typer.Option(help="Chat: only episodes that scored as much.")] = 0.0,
    least_gap: Annotated[float, typer.Option(help="Preference: only pairs that are so far apart.")] = 0.1,
    url: UrlOption = "http://127.0.0.1:7860",
    api_key: ApiKeyOption = None,
) -> None:
    """Export finished episodes as JSON lines, for `datasets.load_dataset("json", …)`. Events are asked from the server."""
    from mlops_debug_env.exports.rows import chat_rows, preference_rows, result_rows

    with one_line_errors(), _written(out) as write:
        if what == "events":
            asyncio.run(_export_events(runs, url, api_key, write))
            return
        rows: Iterable[dict[str, Any]] = {
            "results": lambda: result_rows(runs),
            "chat": lambda: chat_rows(runs, least_score=least_score),
            "preference": lambda: preference_rows(runs, least_gap=least_gap),
        }[what]()
        for row in rows:
            write(json.dumps(row, ensure_ascii=False))


async def _export_events(runs: list[Path], url: str, api_key: str | None, write: Write) -> None:
    from mlops_debug_env.exports.rows import event_rows
    from mlops_debug_env.transport.async_client import DebugClient

    async with DebugClient(url, api_key=api_key, max_retries=2) as client:
        async for row in event_rows(runs, client):
            write(json.dumps(row, ensure_ascii=False))


@contextmanager
def _written(out: Path | None) -> Iterator[Write]:
    """Writes lines to standard output, or to a file that is there whole or not at all."""
    if out is None:
        yield write_out
        return
    from mlops_debug_env.runner.json_lines import UnwritableFolderError

    unfinished = out.with_name(f".unfinished-{secrets.token_hex(4)}-{out.name[-100:]}")
    try:
        with unfinished.open("w") as file:
            yield lambda line: print(line, file=file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(out)
    except OSError as error:
        raise UnwritableFolderError(f"cannot write {out}: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
