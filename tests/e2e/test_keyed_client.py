"""The stock OpenEnv client and a server that asks for keys: the key is part of the address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.playing import open_client
from tests.e2e.running import ServerProcess, environment, run_command, run_command_in_process

openenv_core = pytest.importorskip("openenv.core", reason="needs the extra openenv: pip install '.[openenv]'")

pytestmark = pytest.mark.openenv


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, str]]:
    process = ServerProcess(
        tmp_path_factory.mktemp("guarded"), child_environment=environment(MLOPS_DEBUG_ACCESS="keys")
    )
    made = run_command_in_process("keys", "create", "ann", "--database", str(process.database))
    assert made.returncode == 0, made.stderr
    opened = run_command_in_process("rounds", "open", "--name", "spring", "--database", str(process.database))
    assert opened.returncode == 0, opened.stderr
    process.start()
    yield process, made.stdout.strip()
    process.stop()


def test_the_key_in_the_address_lets_the_stock_client_play_a_ranked_attempt(guarded: tuple[ServerProcess, str]) -> None:
    process, key = guarded
    address = f"http://agent:{key}@127.0.0.1:{process.port}/sessions/s"
    with openenv_core.GenericEnvClient(base_url=address).sync() as env:
        env.reset(round="spring", entry=1)
        env.step({"action_type": "read_config"})
    with openenv_core.GenericEnvClient(base_url=address).sync() as env:
        last = env.step({"action_type": "submit_diagnosis"})
    assert last.done
    assert last.metadata["receipt"]["statement"]["agent"] == "ann"
    assert last.metadata["receipt"]["statement"]["round"] == "spring"


def test_a_shipped_agent_plays_a_round_and_goes_on_where_it_was(
    guarded: tuple[ServerProcess, str], tmp_path: Path
) -> None:
    process, _ = guarded
    made = run_command_in_process("keys", "create", "blind", "--kind", "attack", "--database", str(process.database))
    arguments = ("compete", "--round", "spring", "--agent", "constant", "--url", process.url, "--api-key")
    first = run_command(*arguments, made.stdout.strip(), "--out", str(tmp_path / "first"))
    assert (first.returncode, first.stdout.split(",")[0]) == (0, "72 attempts played"), first.stderr
    again = run_command_in_process(*arguments, made.stdout.strip(), "--out", str(tmp_path / "again"))
    assert again.stdout.startswith("0 attempts played, 72 had been played before"), again.stderr
    with open_client(process.url) as http:
        (row,) = [row for row in http.get("/leaderboard.json").json()["rows"] if row["agent"] == "blind"]
    print({key: row[key] for key in ("rank", "kind", "score", "interval", "pass_1")})
    assert (row["kind"], row["attempts"]["used"], row["complete"]) == ("attack", 72, True)


def test_without_a_key_the_stock_client_is_not_let_in(guarded: tuple[ServerProcess, str]) -> None:
    process, _ = guarded
    with pytest.raises(ConnectionError), openenv_core.GenericEnvClient(base_url=process.url).sync():
        pass


def test_beyond_loopback_the_server_does_not_start_without_a_key(tmp_path: Path) -> None:
    done = run_command("serve", "--host", "0.0.0.0", "--port", "0", "--database", str(tmp_path / "none.db"))
    assert done.returncode == 2
    assert "keys create" in done.stderr
    assert "--access open" in done.stderr
