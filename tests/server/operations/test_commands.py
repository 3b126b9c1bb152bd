"""The operator's commands: what they print, and how they end."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from server.cli import cli


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "c.db"


def run(database: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments, "--database", str(database)])


def good(database: Path, *arguments: str) -> str:
    result = run(database, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_key_is_shown_once(database: Path) -> None:
    made = json.loads(good(database, "keys", "create", "ann", "--scope", "viewer", "--scope", "agent", "--json"))
    assert (made["name"], made["scopes"], made["kind"]) == ("ann", ["agent", "viewer"], "agent")
    secret = made["key"].split("_")[2]
    listed = good(database, "keys", "list") + good(database, "keys", "list", "--json")
    assert ("ann" in listed, secret in listed) == (True, False)
    assert "revoked" in good(database, "keys", "revoke", "ann")
    assert "revoked" in good(database, "keys", "list")


def test_rounds_are_opened_listed_and_closed(database: Path) -> None:
    opened = json.loads(good(database, "rounds", "open", "--name", "spring", "--attempts", "3", "--json"))
    assert (opened["attempts"], opened["secret"]) == (3, None)
    shown = good(database, "rounds", "open")
    assert "commitment (SHA-256 of the secret): " in shown
    assert "keep it private" in shown
    assert "spring  ranked-3  3 attempts  open since" in good(database, "rounds", "list")
    closed = json.loads(good(database, "rounds", "close", "spring", "--json"))
    assert (closed["expired"], len(closed["secret"])) == (0, 64)
    assert "closed" in good(database, "rounds", "list")


@pytest.mark.parametrize(
    "arguments",
    [
        ("keys", "create", "ann", "--scope", "everything"),
        ("keys", "create", "ann", "--kind", "friend"),
        ("keys", "create", "ann"),
        ("keys", "revoke", "nobody"),
        ("rounds", "open", "--suite", "ranked-0"),
        ("rounds", "open", "--suite", "ranked-2"),
        ("rounds", "open", "--name", "not a name"),
        ("rounds", "close", "autumn"),
        ("audit",),
        ("audit", "e", "--all"),
        ("audit", "--checkpoint", "none.json"),
        ("export",),
        ("export", "--bundle", "b.zip", "--round", "autumn"),
        ("regrade", "--rubric", "none.json"),
    ],
)
def test_a_mistake_in_use_ends_with_2_and_a_sentence(
    database: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    good(database, "keys", "create", "ann")
    monkeypatch.chdir(database.parent)
    result = run(database, *arguments)
    assert (result.exit_code, bool(result.stderr.strip())) == (2, True), result.output
    assert "Traceback" not in result.output


def test_what_is_no_bundle_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_text("no bundle")
    result = CliRunner().invoke(cli, ["verify", str(tmp_path / "b.zip"), "--public-key", "00" * 32])
    assert (result.exit_code, "is no bundle" in result.stderr) == (2, True)


def test_a_checkpoint_is_written_and_compared(database: Path) -> None:
    good(database, "rounds", "open", "--name", "spring")
    file = database.parent / "checkpoint.json"
    assert "checkpoint 1: 0 episodes" in good(database, "checkpoint", "--out", str(file))
    compared = good(database, "audit", "--checkpoint", str(file))
    assert "compared with the checkpoint and those of the store, 0 findings" in compared
    assert "0 episodes" not in compared
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM checkpoints")
    connection.close()
    found = run(database, "audit", "--checkpoint", str(file))
    assert (found.exit_code, "older copy" in found.stdout) == (1, True)


def test_an_audit_that_cannot_go_on_says_why(database: Path) -> None:
    good(database, "keys", "create", "ann")
    assert "no key to sign with" in run(database, "audit", "--since-last").stderr
    good(database, "checkpoint")
    assert "key to sign with" not in run(database, "audit", "--since-last").stderr


def test_rebuild_and_regrade_say_what_they_did(database: Path) -> None:
    good(database, "keys", "create", "ann")
    assert "replaced by the rebuilt tables" in good(database, "rebuild", "--verify")
    rubric = database.parent / "rubric.json"
    rubric.write_text(json.dumps({"version": "mine", "few_reads_penalty": 0.1}))
    assert good(database, "regrade", "--rubric", str(rubric)).startswith("rubric mine: 0 graded")


def test_a_bundle_is_made_with_a_warning_while_a_round_in_it_is_open(database: Path, tmp_path: Path) -> None:
    for name in ("spring", "autumn"):
        good(database, "rounds", "open", "--name", name)
    bundle = ("export", "--bundle", str(tmp_path / "b.zip"))
    whole, of_one = run(database, *bundle), run(database, *bundle, "--round", "spring")
    good(database, "rounds", "close", "spring")
    closed = run(database, *bundle, "--round", "spring")
    warned = [
        [name for name in ("spring", "autumn") if f"round {name} is open" in each.stderr]
        for each in (whole, of_one, closed)
    ]
    assert warned == [["spring", "autumn"], ["spring"], []]
    assert "is open" not in whole.stdout
