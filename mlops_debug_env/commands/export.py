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
    with one_line_errors():
        with _written(out) as lines:
            if what == "events":
                asyncio.run(_export_events(runs, url, api_key, lines.write))
            else:
                for row in _rows(runs, what, least_score=least_score, least_gap=least_gap):
                    lines.write(json.dumps(row, ensure_ascii=False))
        target = "standard output" if out is None else out
        typer.echo(f"{target}: {_counted(lines.count, 'line')} of {what}, from {_counted(len(runs), 'run')}", err=True)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _rows(runs: list[Path], what: What, *, least_score: float, least_gap: float) -> Iterable[dict[str, Any]]:
    from mlops_debug_env.exports.rows import chat_rows, preference_rows, result_rows

    if what == "chat":
        return chat_rows(runs, least_score=least_score)
    if what == "preference":
        return preference_rows(runs, least_gap=least_gap)
    return result_rows(runs)


async def _export_events(runs: list[Path], url: str, api_key: str | None, write: Write) -> None:
    from mlops_debug_env.exports.rows import event_rows
    from mlops_debug_env.transport.async_client import DebugClient

    async with DebugClient(url, api_key=api_key, max_retries=2) as client:
        async for row in event_rows(runs, client):
            write(json.dumps(row, ensure_ascii=False))


class _Lines:
    """Writes lines, and counts them."""

    def __init__(self, write: Write) -> None:
        self.count = 0
        self._write = write

    def write(self, line: str) -> None:
        self._write(line)
        self.count += 1


@contextmanager
def _written(out: Path | None) -> Iterator[_Lines]:
    """Writes lines to standard output, or to a file that is there whole or not at all."""
    if out is None:
        yield _Lines(write_out)
        return
    from mlops_debug_env.runner.json_lines import UnwritableFolderError

    unfinished = out.with_name(f".unfinished-{secrets.token_hex(4)}-{out.name[-100:]}")
    try:
        with unfinished.open("w") as file:
            yield _Lines(lambda line: print(line, file=file))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(out)
    except OSError as error:
        raise UnwritableFolderError(f"cannot write {out}: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
