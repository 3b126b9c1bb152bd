"""Every command that opens a database reports an unusable one in one line, and changes nothing."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import make_url
from typer.testing import CliRunner, Result

from server.cli import cli
from tests.databases import execute
from tests.postgres import PrivatePostgres
from tests.profiles import smoke

COMMANDS = (
    ("audit", "e"),
    ("audit", "--all"),
    ("backup", "{out}/copy.db"),
    ("checkpoint",),
    ("db", "check"),
    ("db", "upgrade"),
    ("doctor",),
    ("export", "--bundle", "{out}/b.zip"),
    ("keys", "create", "ann"),
    ("keys", "list"),
    ("keys", "revoke", "ann"),
    ("rebuild",),
    ("rebuild", "--verify"),
    ("regrade", "--rubric", "{out}/rubric.json"),
    ("replay", "e"),
    ("rounds", "close", "spring"),
    ("rounds", "list"),
    ("rounds", "open"),
    ("serve", "--port", "0"),
    ("warm",),
)
MAKE_A_DATABASE = {"db upgrade", "keys create", "rounds open", "serve", "warm"}
ONLY_READ = {"audit", "backup", "db check", "doctor", "export", "replay"}


def name_of(command: tuple[str, ...]) -> str:
    return " ".join(command[:2]) if command[0] in ("db", "keys", "rounds") else command[0]


def run(command: tuple[str, ...], database: str, out: Path) -> Result:
    (out / "rubric.json").write_text('{"version": "9"}')
    arguments = [each.format(out=out) for each in command]
    environ = {"MLOPS_DEBUG_SECRETS_FOLDER": str(out / "secrets")} if "://" in database else {}
    return CliRunner().invoke(cli, [*arguments, "--database", database], env=environ)


def check_is_told_in_one_line(result: Result, command: tuple[str, ...], reason: str) -> None:
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    if command == ("doctor",):
        assert (result.exit_code, reason in result.stdout) == (1, True), result.output
        return
    assert result.exit_code == 2, result.output
    error_lines = [line for line in result.stderr.splitlines() if not line.startswith("database: ")]
    assert len(error_lines) == 1, result.output
    assert error_lines[0].startswith("error: ")
    assert reason in error_lines[0]
    assert "listening on" not in result.stdout


def made(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for each in statements:
            connection.execute(each)
        connection.commit()


def of_ours(path: Path) -> None:
    assert CliRunner().invoke(cli, ["db", "upgrade", "--database", str(path)]).exit_code == 0


def newer(path: Path) -> None:
    of_ours(path)
    made(path, "UPDATE alembic_version SET version_num = '9999'")


def damaged(path: Path) -> None:
    of_ours(path)
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 8192)


BAD = {
    "no database": (lambda path: path.write_bytes(b"no database at all" * 99), "not an SQLite database; name another"),
    "a folder": (Path.mkdir, "is a folder, not a database; name a file"),
    "a device": (lambda path: path.symlink_to("/dev/null"), "is not a regular file; name another"),
    "of another program": (
        lambda path: made(path, "CREATE TABLE users (name TEXT)"),
        "is the database of another program (it has users); name another",
    ),
    "of another program that uses Alembic": (
        lambda path: made(
            path,
            "CREATE TABLE alembic_version (version_num TEXT)",
            "INSERT INTO alembic_version VALUES ('1975ea83b712')",
        ),
        "is the database of another program",
    ),
    "of a later version": (newer, "the database is at version 9999, which this program does not know; run a later one"),
    "damaged": (damaged, "the file is damaged; restore a backup"),
}


def snapshot(folder: Path) -> dict[str, bytes | None]:
    return {str(each.relative_to(folder)): each.read_bytes() if each.is_file() else None for each in folder.rglob("*")}


def leaves(group: Any, *names: str) -> Iterator[tuple[str, Any]]:
    for name, each in group.commands.items():
        if hasattr(each, "commands"):
            yield from leaves(each, *names, name)
        else:
            yield " ".join((*names, name)), each


def test_every_command_with_a_database_is_tried() -> None:
    every = {
        name for name, each in leaves(typer.main.get_command(cli)) if any(p.name == "database" for p in each.params)
    }
    assert every - {"demo", "mcp"} == {name_of(each) for each in COMMANDS}


EACH_WITH_EACH = list(product(COMMANDS, BAD))


@pytest.mark.parametrize("tried", smoke(EACH_WITH_EACH, lambda pair: EACH_WITH_EACH.index(pair) % 4 == 0), ids=str)
def test_a_file_that_cannot_be_used_is_reported_and_left_alone(
    tried: tuple[tuple[str, ...], str], tmp_path: Path
) -> None:
    command, kind = tried
    make, reason = BAD[kind]
    folder, out = tmp_path / "folder", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    make(folder / "x.db")
    before = snapshot(folder)
    check_is_told_in_one_line(run(command, str(folder / "x.db"), out), command, reason)
    assert snapshot(folder) == before
    assert sorted(each.name for each in out.iterdir()) == ["rubric.json"]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_missing_folder_or_file_is_reported(command: tuple[str, ...], tmp_path: Path) -> None:
    makes_one = name_of(command) in MAKE_A_DATABASE or command == ("doctor",)
    reason = "there is no folder" if makes_one else "there is no database"
    check_is_told_in_one_line(run(command, str(tmp_path / "none" / "x.db"), tmp_path), command, reason)
    assert not (tmp_path / "none").exists()


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A database in a folder that can only be read, for a user who is bound by rights: root would not be."""
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        of_ours(folder / "x.db")
        (folder / "x.db").chmod(0o444)
        folder.chmod(0o555)
        tmp_path.chmod(0o777)
        if user == 0:
            os.seteuid(65_534)
        try:
            yield folder
        finally:
            os.seteuid(user)
            folder.chmod(0o755)


@pytest.mark.parametrize("command", [each for each in COMMANDS if name_of(each) not in ONLY_READ], ids=" ".join)
@pytest.mark.parametrize("name", ["x.db", "new.db"])
def test_a_folder_that_cannot_be_written_is_reported(command: tuple[str, ...], name: str, read_only: Path) -> None:
    with tempfile.TemporaryDirectory() as out:
        result = run(command, str(read_only / name), Path(out))
    is_made = name_of(command) in MAKE_A_DATABASE
    if is_made:
        reason = f"the folder {read_only} of the database cannot be written (Permission denied)"
    else:
        reason = "give the user of this command the right" if name == "x.db" else "there is no database"
    check_is_told_in_one_line(result, command, reason)


@pytest.mark.parametrize("command", [each for each in COMMANDS if name_of(each) in ONLY_READ], ids=" ".join)
def test_a_read_only_folder_gives_no_traceback_to_commands_that_read(command: tuple[str, ...], read_only: Path) -> None:
    with tempfile.TemporaryDirectory() as out:
        result = run(command, str(read_only / "x.db"), Path(out))
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code in (0, 1, 2)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_postgresql_database_that_is_not_there_is_reported(
    command: tuple[str, ...], postgres: PrivatePostgres, tmp_path: Path
) -> None:
    absent = make_url(postgres.create_database()).set(database="absent").render_as_string(hide_password=False)
    reason = "made by pg_dump" if command[0] == "backup" else 'database "absent" does not exist'
    check_is_told_in_one_line(run(command, absent, tmp_path), command, reason)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_postgresql_database_with_tables_of_the_same_name_is_left_alone(
    command: tuple[str, ...], postgres: PrivatePostgres, tmp_path: Path
) -> None:
    url = postgres.create_database()
    execute(url, "CREATE TABLE keys (name TEXT)")
    result = run(command, url, tmp_path)
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code in (1, 2) if command == ("doctor",) else result.exit_code == 2
    tables = execute(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert tables == [("keys",)]
