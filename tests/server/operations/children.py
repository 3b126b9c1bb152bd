"""What stand-ins for serving processes do, in a module that they can import."""

from __future__ import annotations

import os
import signal
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

from server.operations.worker_process import READY


def serve_until_released(note: str, control: Pipe) -> None:
    """Serves until SIGTERM or the end of the supervisor's pipe, and notes in which order."""
    control.send_bytes(READY)
    with Path(note).open("a") as notes:
        notes.write(f"{os.getpid()}\n")
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    try:
        control.recv_bytes()
    except EOFError:
        os._exit(0)


def end_at_once(control: Pipe) -> None:
    os._exit(7)


def ignore_stop(control: Pipe) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    control.send_bytes(READY)
    while True:
        signal.pause()
