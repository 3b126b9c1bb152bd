"""The command line: what it prints and how it ends."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from mlops_debug_env.cli import cli as client_cli
from server.cli import cli
from server.scenarios.simulation import InProcessSimulation
from server.version import VERSION
from tests.databases import of_stream
from tests.served import serving, settings_for


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")

    async def play() -> None:
        async with serving(settings_for(folder), simulation=InProcessSimulation()) as served:
            for episode_id in ("e", "changed"):
                await served.reset(episode_id=episode_id, task_id="easy", seed=5)
                await served.step(episode_id, {"action_type": "read_config"})
                await served.step(episode_id, {"action_type": "submit_diagnosis", "root_cause_file": "config.yaml"})

    asyncio.run(play())
    connection = sqlite3.connect(folder / "episodes.db")
    connection.execute("DROP TRIGGER events_refuse_update")
    connection.execute("UPDATE events SET actor = 'other' WHERE " + of_stream("changed") + " AND version = 2")
    connection.commit()
    connection.close()
    return folder / "episodes.db"


def run(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), env=environ)


def test_replay_tells_the_investigation(database: Path) -> None:
    result = run("replay", "e", "--database", str(database))
    assert result.exit_code == 0
    assert "read config.yaml" in result.stdout
    assert str(database) in result.stderr


def test_replay_gives_json(database: Path) -> None:
    result = run("replay", "e", "--json", MLOPS_DEBUG_DATABASE_URL=f"sqlite:///{database}")
    replayed = json.loads(result.stdout)
    assert [each["kind"] for each in replayed["events"]] == ["reset", "read", "submit"]


def test_audit_of_an_honest_episode_ends_with_0(database: Path) -> None:
    result = run("audit", "e", "--database", str(database))
    assert (result.exit_code, result.stdout) == (0, "episode e: 3 events, 0 findings\n")


def test_audit_of_a_changed_episode_ends_with_1(database: Path) -> None:
    result = run("audit", "changed", "--json", "--database", str(database))
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert [(each["code"], each["version"]) for each in report["findings"]] == [("chain", 2)]


@pytest.mark.parametrize("command", ["audit", "replay"])
def test_an_unknown_episode_or_database_ends_with_2(command: str, database: Path, tmp_path: Path) -> None:
    unknown = run(command, "nobody", "--database", str(database))
    assert (unknown.exit_code, "no episode nobody" in unknown.stderr) == (2, True)
    nowhere = run(command, "e", "--database", str(tmp_path / "none.db"))
    assert (nowhere.exit_code, "no database" in nowhere.stderr) == (2, True)
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("command", ["audit", "replay"])
def test_a_file_that_is_no_database_of_ours_ends_with_2(command: str, tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    assert run(command, "e", "--database", str(tmp_path / "empty.db")).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [
        (["serve", "--database", "mysql://host/db"], {}),
        (["serve", "--database", "/nowhere/at/all/x.db"], {}),
        (["serve"], {"MLOPS_DEBUG_PORT": "many"}),
        (["serve", "--port", "many"], {}),
        (["dance"], {}),
    ],
)
def test_a_mistake_in_use_ends_with_2(arguments: list[str], environ: dict[str, str]) -> None:
    assert run(*arguments, **environ).exit_code == 2


def test_help_imports_no_database_and_no_http() -> None:
    program = "import sys, server.cli; print(*{name.partition('.')[0] for name in sys.modules})"
    imported = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert not {"sqlalchemy", "alembic", "numpy", "pydantic", "cryptography", "httpx", "starlette"} & {
        *imported.split()
    }


def test_tables_are_checked_and_upgraded(tmp_path: Path) -> None:
    (tmp_path / "new.db").touch()
    database = ("--database", str(tmp_path / "new.db"))
    behind = run("db", "check", *database)
    assert (behind.exit_code, "db upgrade" in behind.stdout) == (1, True)
    assert run("db", "upgrade", *database).exit_code == 0
    assert run("db", "upgrade", *database).exit_code == 0
    assert run("db", "check", *database).exit_code == 0


def test_tables_of_a_later_program_are_reported(tmp_path: Path) -> None:
    database = ("--database", str(tmp_path / "later.db"))
    run("db", "upgrade", *database)
    connection = sqlite3.connect(tmp_path / "later.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    for command in ("check", "upgrade"):
        told = run("db", command, *database)
        assert (told.exit_code, "9999" in told.stderr) == (2, True)


def test_a_postgresql_that_is_not_there_is_reported_in_a_sentence() -> None:
    for command in (("serve",), ("db", "upgrade"), ("db", "check"), ("audit", "e"), ("replay", "e")):
        told = run(*command, MLOPS_DEBUG_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
        assert told.exit_code == 2, (command, told.output)
        assert "Traceback" not in told.output


def test_doctor_gives_name_verdict_and_what_to_do_as_json(tmp_path: Path) -> None:
    checks = json.loads(run("doctor", "--json", "--database", str(tmp_path / "new.db")).stdout)
    assert {each["name"] for each in checks} == {"address", "disk", "database", "clock", "keys", "secrets"}
    assert all(set(each) == {"name", "verdict", "told"} for each in checks)
    assert {each["verdict"] for each in checks} <= {"good", "note", "bad"}


@pytest.mark.parametrize("group", [cli, client_cli], ids=["server", "client"])
def test_the_version_is_printed_and_help_has_a_short_option_everywhere(group: typer.Typer) -> None:
    version = CliRunner().invoke(group, ["--version"])
    assert (version.exit_code, version.stdout) == (0, f"mlops-debug {VERSION}\n")
    for arguments in ([], ["run"], ["compare"]):
        short, long = (CliRunner().invoke(group, [*arguments, option]) for option in ("-h", "--help"))
        assert (short.exit_code, short.stdout) == (0, long.stdout)
        assert "Usage: " in short.stdout
