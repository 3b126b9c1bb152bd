"""A file of JSON lines that stays valid after a kill or on a full disk."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

_SCAN_BLOCK_BYTES = 1 << 16


class UnwritableFolderError(Exception):
    """A line could not be written; the lines before it are intact."""


class JsonLines:
    """Appends lines to one file; a line that could not be written completely is removed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            _truncate_torn_line(self._file)
        except OSError as error:
            raise UnwritableFolderError(f"cannot write {path}: {error.strerror}") from error

    def append(self, line: str) -> None:
        """Write one line.

        Raises:
            UnwritableFolderError: it could not be written; the file is as it was.
        """
        text = line.encode() + b"\n"
        before = os.fstat(self._file).st_size
        try:
            written = os.write(self._file, text)
            while written < len(text):  # a disk that is nearly full takes a part first
                written += os.write(self._file, text[written:])
        except OSError as error:
            os.ftruncate(self._file, before)
            raise UnwritableFolderError(f"cannot write {self._path}: {error.strerror}") from error

    def close(self) -> None:
        os.close(self._file)


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Each complete line with its offset. A torn last line is skipped."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        at = 0
        for line in file:
            if line.endswith(b"\n"):
                yield at, line.decode()
            at += len(line)


def read_line_at(path: Path, at: int) -> str:
    """The line at an offset."""
    with path.open("rb") as file:
        file.seek(at)
        return file.readline().decode()


def write_json_atomically(path: Path, value: Any) -> None:
    """Write a small JSON file atomically.

    Raises:
        UnwritableFolderError: it could not be written.
    """
    unfinished = path.with_suffix(".unfinished")
    try:
        with unfinished.open("w") as file:
            json.dump(value, file, indent=2, ensure_ascii=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise UnwritableFolderError(f"cannot write {path}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """fsync a folder."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _truncate_torn_line(file: int) -> None:
    """Truncate a torn last line; the action in it is read from the server's events."""
    size = os.fstat(file).st_size
    end = size
    while end > 0:
        start = max(0, end - _SCAN_BLOCK_BYTES)
        found = os.pread(file, end - start, start).rfind(b"\n")
        if found >= 0:
            os.ftruncate(file, start + found + 1)
            return
        end = start
    os.ftruncate(file, 0)
