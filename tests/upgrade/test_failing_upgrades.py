"""An upgrade that fails or is killed leaves the store as it was, or upgraded; a program leaves a store of a later one alone."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from server.storage.engines import parse_url
from server.storage.migrations import upgrade_database
from tests.databases import execute
from tests.e2e.running import run_command, run_command_in_process
from tests.upgrade.stores import Contents, Store, contents, unpack


class InjectedError(Exception):
    """What a test raises within an upgrade."""


def upgrade(store: Store) -> None:
    assert asyncio.run(upgrade_database(parse_url(store.database_url))).is_newest


class Statements:
    """Counts the statements and commits that this process executes, and calls ``act`` after the statement of a number."""

    def __init__(self, number: int = 0, act: Callable[[], None] = lambda: None) -> None:
        self.count = self.commits = 0
        self._number, self._act = number, act

    def executed(self, *_: Any) -> None:
        self.count += 1
        if self.count == self._number:
            self._act()

    def committed(self, _: Any) -> None:
        self.commits += 1


@contextmanager
def watching(statements: Statements) -> Iterator[None]:
    event.listen(Engine, "after_cursor_execute", statements.executed)
    event.listen(Engine, "commit", statements.committed)
    try:
        yield
    finally:
        event.remove(Engine, "after_cursor_execute", statements.executed)
        event.remove(Engine, "commit", statements.committed)


def fail() -> None:
    raise InjectedError


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed_at(number: int, store: Store) -> bool:
    """Upgrade in a process that kills itself after a statement; whether it came that far."""

    def run() -> None:
        with watching(Statements(number, die)):
            upgrade(store)

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


@pytest.fixture
def expected(
    release: str, backend: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Contents:
    """What an upgrade leaves of the store."""
    postgres = request.getfixturevalue("postgres") if backend == "postgres" else None
    other = unpack(release, tmp_path_factory.mktemp("other"), postgres)
    upgrade(other)
    return contents(other)


@pytest.mark.slow
def test_an_upgrade_that_fails_at_any_statement_leaves_the_store_as_it_was(store: Store, expected: Contents) -> None:
    before = contents(store)
    assert before != expected
    for number in itertools.count(1):
        statements = Statements(number, fail)
        try:
            with watching(statements):
                upgrade(store)
        except InjectedError:
            assert contents(store) == (expected if statements.commits else before), number
        else:
            break
    print(f"failed after each of {number - 1} statements")
    assert number > 50
    assert contents(store) == expected


@pytest.mark.slow
def test_an_upgrade_that_is_killed_at_any_statement_leaves_the_store_as_it_was_or_upgraded(
    store: Store, expected: Contents
) -> None:
    before = contents(store)
    for number in itertools.count(1):
        if not killed_at(number, store):
            break
        assert contents(store) in (before, expected), number
    print(f"killed after each of {number - 1} statements")
    assert number > 50
    assert contents(store) == expected


def assert_one_line(done: subprocess.CompletedProcess[str], reason: str) -> None:
    lines = [line for line in done.stderr.splitlines() if not line.startswith("database: ")]
    assert (done.returncode, len(lines)) == (2, 1), done.stdout + done.stderr
    assert reason in lines[0]


def page_limit(pages: int) -> Callable[[Any, Any], None]:
    """A disk that has room for so many pages of a file."""

    def connected(connection: Any, _: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    return connected


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_disk_that_is_full_during_an_upgrade_is_reported_in_one_line_and_nothing_is_lost(
    store: Store, expected: Contents
) -> None:
    before = contents(store)
    ((pages,),) = execute(store.database_url, "PRAGMA page_count")
    with listening("connect", page_limit(pages)):
        for command in (("db", "upgrade"), ("keys", "list"), ("serve", "--port", "0")):
            assert_one_line(run_command_in_process(*command, settings=store.environment), "full; make room on the disk")
            assert contents(store) == before
    upgrade(store)
    assert contents(store) == expected


@contextmanager
def listening(name: str, listener: Callable[..., None]) -> Iterator[None]:
    event.listen(Engine, name, listener)
    try:
        yield
    finally:
        event.remove(Engine, name, listener)


def test_a_store_of_a_later_version_is_reported_in_one_line_and_left_alone(store: Store) -> None:
    upgrade(store)
    execute(store.database_url, "UPDATE alembic_version SET version_num = '9999' RETURNING version_num")
    before, reason = contents(store), "which this program does not know; run a later one"
    for command in (
        ("db", "upgrade"),
        ("audit", "--all"),
        ("checkpoint",),
        ("keys", "list"),
        ("replay", "running-easy"),
    ):
        assert_one_line(run_command_in_process(*command, settings=store.environment), reason)
    assert contents(store) == before


@pytest.mark.slow
def test_a_server_does_not_start_on_a_store_of_a_later_version(store: Store) -> None:
    upgrade(store)
    execute(store.database_url, "UPDATE alembic_version SET version_num = '9999' RETURNING version_num")
    assert_one_line(run_command("serve", "--port", "0", settings=store.environment), "does not know; run a later one")


def test_a_command_that_only_reads_asks_for_the_upgrade_of_an_older_store(
    store: Store, backend: str, tmp_path: Path
) -> None:
    before, copy = contents(store), tmp_path / "copy.db"
    backups = [("backup", str(copy))] if backend == "sqlite" else []
    for command in (("audit", "--all"), ("audit", "running-easy"), ("replay", "running-easy"), *backups):
        done = run_command_in_process(*command, settings=store.environment)
        assert_one_line(done, "back it up with that program, then run mlops-debug db upgrade")
    assert contents(store) == before
    assert list(tmp_path.glob("copy*")) == []
