"""``mlops-debug export``: runs as JSON lines or as Parquet."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from mlops_debug_env.commands.exit_codes import USAGE, fail, one_line_errors, write_out
from mlops_debug_env.commands.options import ApiKeyOption, UrlOption
from mlops_debug_env.exports.formats import FileFormat, What
from mlops_debug_env.protocol.counts import counted

FormatOption = Annotated[
    FileFormat | None,
    typer.Option("--format", help="Of the file. Default: parquet for a name that ends with .parquet, else JSON lines."),
]
CardOption = Annotated[
    Path | None,
    typer.Option(help="Write a dataset card, too: README.md in the folder of the file, for `load_dataset(folder)`."),
]


class Rows(Protocol):
    """Takes rows, and counts them."""

    count: int

    def write(self, row: Mapping[str, Any]) -> None: ...


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
    file_format: FormatOption = None,
    card: CardOption = None,
) -> None:
    """Export finished episodes as JSON lines or Parquet, for `datasets.load_dataset`. Events are asked from the server."""
    chosen: FileFormat = file_format or ("parquet" if out is not None and out.suffix == ".parquet" else "jsonl")
    if out is None and (chosen == "parquet" or card is not None):
        fail("name a file with --out; Parquet and a card are not written to standard output", USAGE)
    if out is not None and card is not None and card.absolute().parent != out.absolute().parent:
        fail(f"the card has to be in the folder of the file, {out.absolute().parent}", USAGE)
    with one_line_errors():
        with _written(out, what, chosen) as rows:
            if what == "events":
                asyncio.run(_export_events(runs, url, api_key, rows))
            else:
                for row in _rows(runs, what, least_score=least_score, least_gap=least_gap):
                    rows.write(row)
        if card is not None and out is not None:
            _write_card(card, what, out, chosen, count=rows.count, runs=runs)
        target = "standard output" if out is None else out
        unit = "line" if chosen == "jsonl" else "row"
        typer.echo(f"{target}: {counted(rows.count, unit)} of {what}, from {counted(len(runs), 'run')}", err=True)


def _rows(runs: list[Path], what: What, *, least_score: float, least_gap: float) -> Iterable[dict[str, Any]]:
    from mlops_debug_env.exports.rows import chat_rows, preference_rows, result_rows

    if what == "chat":
        return chat_rows(runs, least_score=least_score)
    if what == "preference":
        return preference_rows(runs, least_gap=least_gap)
    return result_rows(runs)


async def _export_events(runs: list[Path], url: str, api_key: str | None, rows: Rows) -> None:
    from mlops_debug_env.exports.rows import event_rows
    from mlops_debug_env.transport.async_client import DebugClient

    async with DebugClient(url, api_key=api_key, max_retries=2) as client:
        async for row in event_rows(runs, client):
            rows.write(row)


def _write_card(card: Path, what: What, out: Path, file_format: FileFormat, *, count: int, runs: list[Path]) -> None:
    from mlops_debug_env.exports.card import dataset_card
    from mlops_debug_env.runner.run_folder import read_header

    text = dataset_card(what, out, file_format, count=count, headers=[read_header(path) for path in runs])
    with _whole_file(card) as unfinished:
        unfinished.write_text(text)


class _Lines:
    """Writes each row as a line of JSON."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self.count = 0
        self._write = write

    def write(self, row: Mapping[str, Any]) -> None:
        self._write(json.dumps(row, ensure_ascii=False))
        self.count += 1


@contextmanager
def _written(out: Path | None, what: What, file_format: FileFormat) -> Iterator[Rows]:
    """Takes rows for standard output, or for a file that is there whole or not at all."""
    if out is None:
        yield _Lines(write_out)
        return
    with _whole_file(out) as unfinished:
        if file_format == "parquet":
            from mlops_debug_env.exports.parquet import ParquetRows

            with unfinished.open("wb") as binary:
                rows = ParquetRows(what, binary)
                yield rows
                rows.close()
        else:
            with unfinished.open("w") as file:
                yield _Lines(lambda line: file.write(f"{line}\n"))


@contextmanager
def _whole_file(path: Path) -> Iterator[Path]:
    """The path of a file that takes the place of ``path`` at the end of the block, durably; after an error it is gone.

    Raises:
        UnwritableFolderError: it cannot be written.
    """
    from mlops_debug_env.runner.json_lines import UnwritableFolderError

    unfinished = path.with_name(f".unfinished-{secrets.token_hex(4)}-{path.name[-100:]}")
    try:
        yield unfinished
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise UnwritableFolderError(f"cannot write {path}: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
