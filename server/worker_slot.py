"""The place of one server process among those of ``serve --workers N``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class WorkerSlot:
    """A process that replaces one that died has the same slot."""

    number: int
    """From 0."""
    count: int
    folder: Path
    """Of the local sockets by which the processes of one server reach each other; only its user can open it."""

    @property
    def is_first(self) -> bool:
        """Whether this process does what only one process has to do: checkpoints, audits, sweeps of idle episodes."""
        return self.number == 0

    @property
    def writer_address(self) -> str:
        """The local socket of the process that writes the SQLite file."""
        return writer_address(self.folder)

    def metrics_address(self, number: int) -> str:
        """The local socket at which the process of a slot answers with its measurements."""
        return str(self.folder / f"worker-{number}")


def writer_address(folder: Path) -> str:
    return str(folder / "writer")
