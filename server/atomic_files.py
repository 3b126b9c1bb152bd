"""Atomic file writes: to a temporary file in the same folder, flushed to the disk, then renamed."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator


class UnwritableFileError(Exception):
    """A file could not be written; an existing one is unchanged."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"cannot write {path}: {reason}")
        self.path = path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """The path of a temporary file that replaces ``path`` at the end; on an error it is removed.

    Raises:
        UnwritableFileError: there is no such folder, it may not be written to, or the disk is full.
    """
    target = path.absolute()
    if target.is_dir():
        raise UnwritableFileError(path, "it is a folder")
    if not target.parent.is_dir():
        raise UnwritableFileError(path, f"there is no folder {target.parent}")
    unfinished = target.with_name(f".unfinished-{secrets.token_hex(4)}-{target.name[-100:]}")
    try:
        yield unfinished
        sync_file(unfinished)
        unfinished.replace(target)
        sync_file(target.parent)
    except OSError as error:
        raise UnwritableFileError(path, error.strerror or str(error)) from error
    finally:
        unfinished.unlink(missing_ok=True)


def write_text_atomically(path: Path, text: str) -> None:
    """Write a small text file; raises ``UnwritableFileError``."""
    with atomic_write(path) as unfinished:
        unfinished.write_text(text)


def sync_file(path: Path) -> None:
    """fsync a file or a folder."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
