"""Mistakes in use, at the command line and at the start, end with one line that says what to do."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator

import pytest
import typer
from typer.testing import CliRunner

from mlops_debug_env.cli import cli as client_cli
from server.cli import cli
from tests.e2e.running import ROOT

RUN = ROOT / "tests" / "client" / "runner" / "run-of-0.1.0"
MISTAKES = {
    "dance": "No such command 'dance'",
    "--nope": "No such option: --nope",
    "serve extra": "unexpected extra argument",
    "serve --port 0x": "'--port'",
    "serve --port 70000": "must be a whole number from 0 to 65535",
    "serve --port {taken}": "stop what listens there",
    "serve --host nowhere.invalid": "name an address of this machine",
    "serve --workers 0": "'--workers'",
    "serve --database folder": "is a folder",
    "serve --database text": "is not a database",
    "serve --database other.db": "the database of another program",
    "serve --database none/x.db": "there is no folder",
    "replay": "Missing argument 'episode'",
    "replay e --database none.db": "there is no database",
    "audit --checkpoint folder": "is a directory",
    "verify none.zip --public-key {key}": "none.zip is no bundle: No such file",
    "regrade": "Missing option '--rubric'",
    "regrade --rubric text --database {database}": "text cannot be read: it is not JSON",
    "regrade --rubric none --database {database}": "none cannot be read: No such file",
    "keys create": "Missing argument 'name'",
    "rounds open --attempts 0": "'--attempts'",
    "rounds dance": "No such command 'dance'",
    "view folder": "holds no run",
    "view {run} --port {taken}": "stop what listens there",
    "run --task none": "'none' is not one of 'easy'",
    "run --resume --out folder": "holds no run",
    "compare a": "Missing argument 'second'",
    "export {run} --what none": "'none' is not one of 'results'",
    "demo --entries 0": "'--entries'",
}
"""Commands, and what their errors name."""


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What the commands name, in a folder with files that are no databases."""
    folder = tmp_path_factory.mktemp("mistakes")
    (folder / "folder").mkdir()
    (folder / "text").write_text("neither a database nor JSON " * 9)
    connection = sqlite3.connect(folder / "other.db")
    connection.execute("CREATE TABLE other (x)")
    connection.close()
    database = str(folder / "ours.db")
    assert CliRunner().invoke(cli, ["db", "upgrade", "--database", database]).exit_code == 0
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield {
            "taken": str(taken.getsockname()[1]),
            "key": "0" * 64,
            "run": str(RUN),
            "database": database,
        }


@pytest.mark.parametrize("command", MISTAKES)
def test_a_mistake_ends_with_2_and_one_line(command: str, named: dict[str, str]) -> None:
    ended = CliRunner().invoke(cli, [word.format(**named) for word in command.split()])
    errors = [line for line in ended.stderr.splitlines() if not line.startswith("database: ")]
    assert (ended.exit_code, ended.stdout) == (2, ""), ended.exception
    assert len(errors) == 1
    assert MISTAKES[command] in errors[0]


@pytest.mark.parametrize("group", [cli, client_cli], ids=["server", "client"])
def test_a_mistake_in_use_names_the_help_of_the_command(group: typer.Typer) -> None:
    ended = CliRunner().invoke(group, ["run", "--trials", "0"], prog_name="mlops-debug")
    assert ended.stderr.endswith("; mlops-debug run -h shows what there is\n")


def test_a_group_without_a_command_shows_its_help() -> None:
    ended = CliRunner().invoke(cli, ["keys"])
    assert ended.exit_code == 2
    assert "Usage: " in ended.output
