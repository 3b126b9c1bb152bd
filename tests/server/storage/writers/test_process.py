"""The process that writes one SQLite file for several servers, over real sockets and a real file; its loop runs in a thread here."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import socket
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection as PipeEnd
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

import server
from domain.chain import EMPTY, Head, Link
from server.storage.engines import create_write_engine, parse_url
from server.storage.errors import (
    RequestIdReusedError,
    StoreUnavailableError,
    UnansweredCommitError,
    WrongExpectedVersionError,
)
from server.storage.migrations import upgrade
from server.storage.read_models import session_row
from server.storage.sql import Statement, StatementRow
from server.storage.stream_codec import read_stream
from server.storage.writers.batch import write_batch
from server.storage.writers.frames import (
    FrameDecoder,
    FrameKind,
    decode_commits,
    encode_commits,
    encode_frame,
)
from server.storage.writers.process import WriterProcess
from server.storage.writers.protocol import (
    Append,
    Commit,
    Outcome,
    WriteBatch,
    WriterStoppedError,
    is_current,
)
from server.storage.writers.remote import RemoteWriter
from tests.server.storage.test_store import KEEP, after
from tests.server.storage.test_store import event as an_event


class KilledError(BaseException):
    """Ends the thread as a kill ends the process: nothing is answered."""


class WriterThread:
    """One writer process, as a thread."""

    def __init__(self, engine: Engine, listener: socket.socket, write: WriteBatch = write_batch) -> None:
        self._control, theirs = Pipe()
        self._thread = threading.Thread(target=self._run, args=(engine, listener, theirs, write), daemon=True)
        self._thread.start()

    def _run(self, engine: Engine, listener: socket.socket, control: PipeEnd, write: WriteBatch) -> None:
        with engine.connect() as connection, suppress(KilledError), control:
            process = WriterProcess(connection, write, listener, control, batch_limit=64)
            try:
                process.serve()
            finally:
                for each in [*process._servers]:
                    each.close()  # as the end of a process does

    def stop(self) -> None:
        self._control.close()

    def join(self) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = create_write_engine(parse_url(f"sqlite:///{tmp_path / 'writer.db'}"))
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def address() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:  # the path of a local socket must be short
        yield f"{folder}/writer"


@pytest.fixture
def listener(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(address)
        listening.listen()
        yield listening


def linked(stream_id: str, request_id: str | None = None) -> tuple[Link, ...]:
    return tuple(after(stream_id, EMPTY, an_event(request_id=request_id)))


def commit_to(stream_id: str, rows: tuple[StatementRow, ...] = ()) -> Commit:
    return Commit((Append(stream_id, 0, linked(stream_id), rows),))


def stored(engine: Engine, stream_id: str) -> int:
    with engine.connect() as connection:
        return len(read_stream(connection, stream_id))


async def test_commits_of_several_servers_share_transactions(
    engine: Engine, address: str, listener: socket.socket
) -> None:
    sizes: list[int] = []
    is_first = threading.Event()

    def write(connection: Connection, batch: Sequence[Commit]) -> list[Outcome]:
        sizes.append(len(batch))
        if len(sizes) == 1:
            is_first.wait(20)  # the disk is slow: what arrives meanwhile waits
        return write_batch(connection, batch)

    thread = WriterThread(engine, listener, write)
    here, there = RemoteWriter(address), RemoteWriter(address)
    await asyncio.gather(here.start(), there.start())
    waiting = [asyncio.create_task((here, there)[n % 2].submit(commit_to(f"s{n}"))) for n in range(40)]
    await asyncio.sleep(0)
    is_first.set()
    await asyncio.gather(*waiting)
    await asyncio.gather(here.stop(), there.stop())
    thread.stop()
    thread.join()
    assert sum(sizes) == 40
    assert len(sizes) <= 20
    assert all(stored(engine, f"s{n}") == 1 for n in range(40))


async def test_a_conflict_fails_alone_with_the_error_of_the_store(
    engine: Engine, address: str, listener: socket.socket
) -> None:
    thread = WriterThread(engine, listener)
    writer = RemoteWriter(address)
    await writer.start()
    await writer.submit(Commit((Append("s", 0, linked("s", "r")),)))
    again = Commit((Append("s", 1, tuple(after("s", _head(engine), an_event(request_id="r")))),))
    outcomes = await asyncio.gather(
        writer.submit(commit_to("s")), writer.submit(commit_to("t")), writer.submit(again), return_exceptions=True
    )
    await writer.stop()
    thread.stop()
    thread.join()
    wrong, written, reused = outcomes
    assert isinstance(wrong, WrongExpectedVersionError)
    assert (wrong.stream_id, wrong.expected, wrong.actual) == ("s", 0, 1)
    assert "expected version 0" in str(wrong)
    assert isinstance(written, int)
    assert isinstance(reused, RequestIdReusedError)
    assert reused.request_id == "r"


def _head(engine: Engine) -> Head:
    with engine.connect() as connection:
        last = read_stream(connection, "s")[-1]
    return Head(last.version, last.hash)


async def test_rows_are_written_with_their_append(engine: Engine, address: str, listener: socket.socket) -> None:
    thread = WriterThread(engine, listener)
    writer = RemoteWriter(address)
    await writer.start()
    await writer.submit(commit_to("s", (StatementRow(KEEP, ("d", b"body")),)))
    await writer.stop()
    thread.stop()
    thread.join()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT digest, body FROM scenarios").all() == [("d", b"body")]


@pytest.mark.parametrize("is_written", [True, False], ids=["written", "not written"])
async def test_what_a_killed_writer_had_not_answered_is_written_once(
    engine: Engine, address: str, listener: socket.socket, is_written: bool
) -> None:
    def write_and_die(connection: Connection, batch: Sequence[Commit]) -> list[Outcome]:
        if is_written:
            write_batch(connection, batch)
        raise KilledError

    killed = WriterThread(engine, listener, write_and_die)
    writer = RemoteWriter(address)
    await writer.start()
    waiting = asyncio.create_task(writer.submit(commit_to("s")))
    await asyncio.to_thread(killed.join)
    later = asyncio.create_task(writer.submit(commit_to("later")))
    successor = WriterThread(engine, listener)
    await asyncio.gather(waiting, later)
    await writer.stop()
    successor.stop()
    successor.join()
    assert (stored(engine, "s"), stored(engine, "later")) == (1, 1)


async def test_a_server_is_told_what_another_server_has_written(
    engine: Engine, address: str, listener: socket.socket
) -> None:
    thread = WriterThread(engine, listener)
    here, there = RemoteWriter(address), RemoteWriter(address)
    await asyncio.gather(here.start(), there.start())
    begun = await here.submit(commit_to("s", (session_row("key", "s"),)))
    assert [is_current(begun, await here.foreign_writes(names)) for names in (["s"], ["key"])] == [True, True]
    await there.submit(Commit((Append("s", 1, tuple(after("s", _head(engine), an_event()))),)))
    assert [is_current(begun, await here.foreign_writes(names)) for names in (["s"], ["key"])] == [False, True]
    await there.submit(commit_to("t", (session_row("key", "t"),)))
    assert is_current(begun, await here.foreign_writes(["other", "key"])) is False
    assert is_current(begun, await here.foreign_writes(["other"])) is True
    assert is_current(begun, await here.foreign_writes()) is False
    await asyncio.gather(here.stop(), there.stop())
    thread.stop()
    thread.join()


async def test_what_a_server_writes_itself_is_not_foreign_to_it(
    engine: Engine, address: str, listener: socket.socket
) -> None:
    thread = WriterThread(engine, listener)
    here, there = RemoteWriter(address), RemoteWriter(address)
    await asyncio.gather(here.start(), there.start())
    before = await here.foreign_writes()
    await asyncio.gather(*(here.submit(commit_to(f"s{n}")) for n in range(5)))
    assert await here.foreign_writes() == before
    await asyncio.gather(here.stop(), there.stop())
    thread.stop()
    thread.join()


async def test_a_write_of_another_program_may_concern_anything(
    engine: Engine, address: str, listener: socket.socket
) -> None:
    thread = WriterThread(engine, listener)
    writer = RemoteWriter(address)
    await writer.start()
    begun = await writer.submit(commit_to("s"))
    assert is_current(begun, await writer.foreign_writes(["s"])) is True
    with engine.begin() as other:
        other.exec_driver_sql("CREATE TABLE of_another_program (n)")
    assert is_current(begun, await writer.foreign_writes(["s"])) is False
    await writer.stop()
    thread.stop()
    thread.join()


async def test_after_another_writer_process_has_taken_over_nothing_kept_is_current(
    engine: Engine, address: str, listener: socket.socket
) -> None:
    dying = [False]

    def write(connection: Connection, batch: Sequence[Commit]) -> list[Outcome]:
        outcomes = write_batch(connection, batch)
        if dying[0]:
            raise KilledError
        return outcomes

    killed = WriterThread(engine, listener, write)
    writer = RemoteWriter(address)
    await writer.start()
    begun = await writer.submit(commit_to("s"))
    dying[0] = True
    waiting = asyncio.create_task(writer.submit(commit_to("unanswered")))
    await asyncio.to_thread(killed.join)
    successor = WriterThread(engine, listener)
    assert await waiting is None
    assert is_current(begun, await writer.foreign_writes(["s"])) is False
    await writer.stop()
    successor.stop()
    successor.join()


async def test_without_a_writer_process_it_is_not_known_what_others_have_written(
    engine: Engine, address: str, listener: socket.socket
) -> None:
    def die(connection: Connection, batch: Sequence[Commit]) -> list[Outcome]:
        raise KilledError

    killed = WriterThread(engine, listener, die)
    writer = RemoteWriter(address, away_seconds=0.05)
    await writer.start()
    with pytest.raises(UnansweredCommitError):
        await writer.submit(commit_to("s"))
    killed.join()
    assert await writer.foreign_writes(["s"]) is None
    await writer.stop()


async def test_without_a_successor_appends_are_refused_until_there_is_one(
    engine: Engine, address: str, listener: socket.socket
) -> None:
    def die(connection: Connection, batch: Sequence[Commit]) -> list[Outcome]:
        raise KilledError

    killed = WriterThread(engine, listener, die)
    writer = RemoteWriter(address, away_seconds=0.05)
    await writer.start()
    with pytest.raises(UnansweredCommitError):
        await writer.submit(commit_to("sent"))
    killed.join()
    with pytest.raises(StoreUnavailableError) as refused:
        await writer.submit(commit_to("refused"))
    assert not isinstance(refused.value, UnansweredCommitError)
    successor = WriterThread(engine, listener)
    async with asyncio.timeout(20):
        while True:
            with suppress(StoreUnavailableError):
                await writer.submit(commit_to("taken"))
                break
            await asyncio.sleep(0)
    await writer.stop()
    successor.stop()
    successor.join()
    assert (stored(engine, "refused"), stored(engine, "taken")) == (0, 1)


async def test_a_stopped_writer_has_written_what_waited_and_takes_no_more(
    engine: Engine, address: str, listener: socket.socket
) -> None:
    thread = WriterThread(engine, listener)
    writer = RemoteWriter(address)
    await writer.start()
    waiting = asyncio.create_task(writer.submit(commit_to("s")))
    await asyncio.sleep(0)
    await writer.stop()
    with pytest.raises(WriterStoppedError):
        await writer.submit(commit_to("t"))
    thread.stop()
    thread.join()
    await waiting
    assert stored(engine, "s") == 1


async def test_what_a_server_that_ended_had_sent_is_written(
    engine: Engine, address: str, listener: socket.socket
) -> None:
    thread = WriterThread(engine, listener)
    with socket.socket(socket.AF_UNIX) as dying:
        dying.connect(address)
        assert dying.recv(100)
        dying.sendall(encode_frame(FrameKind.COMMITS, 1, encode_commits([commit_to("s")])))
    thread.stop()
    thread.join()
    assert stored(engine, "s") == 1


async def test_messages_reach_all_servers_in_one_order(engine: Engine, address: str, listener: socket.socket) -> None:
    thread = WriterThread(engine, listener)
    writers = [RemoteWriter(address) for _ in range(3)]
    heard: list[list[bytes]] = [[] for _ in writers]
    are_complete = asyncio.Event()

    def hear(messages: list[bytes], message: bytes) -> None:
        messages.append(message)
        if all(len(each) == 30 for each in heard):
            are_complete.set()

    for each, messages in zip(writers, heard, strict=True):
        each.on_message = partial(hear, messages)
        await each.start()
    for n in range(30):
        writers[n % 3].publish(b"%d" % n)
    async with asyncio.timeout(20):
        await are_complete.wait()
    for each in writers:
        await each.stop()
    thread.stop()
    thread.join()
    assert heard[0] == heard[1] == heard[2]
    assert sorted(heard[0]) == sorted(b"%d" % n for n in range(30))


async def test_a_server_that_stands_still_does_not_stop_the_others(
    engine: Engine, address: str, listener: socket.socket
) -> None:
    thread = WriterThread(engine, listener)
    with socket.socket(socket.AF_UNIX) as frozen:
        frozen.connect(address)
        writer = RemoteWriter(address)
        await writer.start()
        for _ in range(20):
            writer.publish(bytes(100_000))  # more than the buffers of a socket hold
            await asyncio.sleep(0)
        async with asyncio.timeout(20):
            await writer.submit(commit_to("s"))
    await writer.stop()
    thread.stop()
    thread.join()
    assert stored(engine, "s") == 1


def test_every_statement_of_the_server_can_be_sent() -> None:
    statements: list[Statement] = []
    for module in pkgutil.walk_packages(server.__path__, "server."):
        if module.name not in ("server.__main__", "server.openenv_environment"):  # the latter needs an extra
            found = vars(importlib.import_module(module.name)).values()
            statements += [each for each in found if isinstance(each, Statement)]
    assert len(statements) > 5
    commits = [commit_to("s", (StatementRow(each, ("value", 1, None)),)) for each in statements]
    assert decode_commits(encode_commits(commits)) == commits


def test_a_frame_is_whole_however_it_arrives() -> None:
    sent = b"".join(encode_frame(FrameKind.MESSAGE, n, bytes(n)) for n in range(50))
    for size in (1, 7, 1000):
        decoder = FrameDecoder()
        frames = [frame for at in range(0, len(sent), size) for frame in decoder.feed(sent[at : at + size])]
        assert [(frame.number, len(frame.body)) for frame in frames] == [(n, n) for n in range(50)]
