"""Results of the measurements, by server and load."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from bench.measure import Figure

OWN = "mlops-debug"
POSTGRES = "mlops-debug-postgres"
TWO_WORKERS = "mlops-debug-2-workers"
PEER = "openenv"
ASYNC_PEER = "openenv-async"
GENERATING_PEER = "openenv-generating"
CEILING = "ceiling"
ONE_CLIENT, SOME_CLIENTS, MANY_CLIENTS = 1, 32, 256
LONG, EMPTY = "long-history", "empty-history"


@dataclass(frozen=True, slots=True)
class Cell:
    """One server under one load."""

    load: str
    """``ws``, ``ws workers``, ``ws deflate``, ``rest``, ``warm resets``, ``made resets`` or ``fresh resets``."""
    clients: int
    server: str
    figure: Figure


@dataclass(slots=True)
class Results:
    """Everything that was measured."""

    plan: str
    machine: dict[str, Any]
    cells: list[Cell] = field(default_factory=list)
    start_seconds: dict[str, float] = field(default_factory=dict)
    socket_bytes: dict[str, float] = field(default_factory=dict)
    """Memory of one open socket that was reset and stepped once."""
    socket_threads: dict[str, int] = field(default_factory=dict)
    """Threads while so many sockets are open."""
    single: dict[str, float] = field(default_factory=dict)
    """Figures that only this server has, by name."""

    def find(self, load: str, clients: int, server: str) -> Figure | None:
        found = (each for each in self.cells if (each.load, each.clients, each.server) == (load, clients, server))
        return next((each.figure for each in found), None)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
