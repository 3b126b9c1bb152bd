"""The processes of ``serve --workers N``: those that serve, and the one that writes the SQLite file for them."""

from __future__ import annotations

import logging.config
import signal
import socket
import sys
from contextlib import suppress
from multiprocessing.connection import Connection as Pipe
from typing import TYPE_CHECKING, Sequence

from server.gc_tuning import pause_gc, reduce_gc_pauses
from server.settings import Settings

if TYPE_CHECKING:
    from server.worker_slot import WorkerSlot

READY = b"ready"
START_FAILED = 3


def serve_in_slot(settings: Settings, slot: WorkerSlot, sockets: Sequence[socket.socket], control: Pipe) -> None:
    """Serve on the sockets until SIGTERM, or until the process that started this one is gone.

    Args:
        control: gets ``READY`` when the process serves; closed by the end of the other process.
    """
    pause_gc()
    import asyncio

    import uvicorn

    from server.app import create_app
    from server.operations.serve import server_options

    class SlotServer(uvicorn.Server):
        """Tells when it serves, and stops when nothing supervises it any more."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                with suppress(OSError):
                    control.send_bytes(READY)
                asyncio.get_running_loop().add_reader(control.fileno(), self._stop)

        def _stop(self) -> None:
            asyncio.get_running_loop().remove_reader(control.fileno())
            self.should_exit = True

    reduce_gc_pauses()
    server = SlotServer(uvicorn.Config(create_app(settings, slot=slot), **server_options(settings)))
    with suppress(KeyboardInterrupt):  # uvicorn has shut down in order, and raises the signal again
        server.run(sockets=list(sockets))
    if not server.started:
        sys.exit(START_FAILED)


def write_for_servers(settings: Settings, listener: socket.socket, control: Pipe) -> None:
    """Write what the server processes send, until they have ended.

    Args:
        control: gets ``READY`` when the process serves; closed by the end of the other process.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; this one ends last

    from server.logs import log_config
    from server.metrics import Metrics, Readings
    from server.storage.backend import open_write_connection
    from server.storage.writers.batch import write_batch
    from server.storage.writers.measured import measured
    from server.storage.writers.process import WriterProcess

    logging.config.dictConfig(log_config(settings))
    metrics = Metrics()
    metrics.registry.register(Readings(metrics, {}))
    with open_write_connection(settings, measured(write_batch, metrics)) as (connection, write, durability_warning):
        reduce_gc_pauses()
        with suppress(OSError):  # the server is being stopped already
            control.send_bytes(READY)
        WriterProcess(
            connection,
            write,
            listener,
            control,
            batch_limit=settings.batch_limit,
            durability_warning=durability_warning,
            measurements=metrics.text,
        ).serve()
