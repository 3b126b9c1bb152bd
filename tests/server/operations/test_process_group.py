"""Processes that are supervised, with stand-ins for those that serve."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.operations.process_group import Child, ProcessGroup, StopSignals
from tests.server.operations.children import end_at_once, ignore_stop, serve_until_released


class Signals(StopSignals):
    """Signals that the test sends."""

    def __init__(self, readable: socket.socket, writable: socket.socket) -> None:
        super().__init__(readable)
        self._writable = writable

    def stop(self) -> None:
        self.note(signal.SIGTERM, None)
        self._writable.send(b"s")


@pytest.fixture
def signals() -> Iterator[Signals]:
    readable, writable = socket.socketpair()
    with readable, writable:
        readable.setblocking(False)
        yield Signals(readable, writable)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def pids(note: Path) -> list[int]:
    return [int(line) for line in note.read_text().splitlines()] if note.exists() else []


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_start_at_which_a_process_ends_is_given_up(signals: Signals, tmp_path: Path) -> None:
    group = ProcessGroup(
        [
            Child("worker 0", serve_until_released, (str(tmp_path / "note"),)),
            Child("worker 1", end_at_once, ()),
        ],
        signals,
    )
    assert group.run() is False
    group.stop(20)
    assert not any(is_running(pid) for pid in pids(tmp_path / "note"))


def test_a_process_that_is_killed_is_replaced_and_all_end_when_asked(signals: Signals, tmp_path: Path) -> None:
    note = tmp_path / "note"
    group = ProcessGroup([Child(f"worker {n}", serve_until_released, (str(note),)) for n in range(2)], signals)

    def kill_one() -> None:
        until(lambda: len(pids(note)) == 2 and group.is_complete)
        os.kill(pids(note)[0], signal.SIGKILL)
        until(lambda: len(pids(note)) == 3)
        signals.stop()

    killer = threading.Thread(target=kill_one)
    killer.start()
    assert group.run() is True
    killer.join()
    group.stop(20)
    assert len(pids(note)) == 3
    assert not any(is_running(pid) for pid in pids(note))


def test_a_process_that_does_not_end_in_time_is_killed(signals: Signals) -> None:
    child = Child("worker 0", ignore_stop, ())
    group = ProcessGroup([child], signals)

    def stop_when_complete() -> None:
        until(lambda: group.is_complete)
        signals.stop()

    stopper = threading.Thread(target=stop_when_complete)
    stopper.start()
    assert group.run() is True
    stopper.join()
    process = child.process
    assert process is not None
    group.stop(0.1)
    assert process.exitcode == -signal.SIGKILL
