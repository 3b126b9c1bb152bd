"""A run that is killed at random and taken up again ends as one that was left alone."""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path

import pytest

from tests.client.runner.running import command, command_in_process, ended_while_playing, results, without_names
from tests.e2e.running import ServerProcess

MAX_KILLS = 6


@pytest.mark.slow
@pytest.mark.parametrize("agent", ["random", "heuristic"])
def test_a_run_killed_at_random_and_resumed_equals_an_undisturbed_one(
    agent: str, server: ServerProcess, tmp_path: Path
) -> None:
    asked = ("run", "--agent", agent, "--entries", "9", "--trials", "2", "--concurrency", "4", "--url", server.url)
    undisturbed = command(*asked, "--out", str(tmp_path / "whole"), "--json")
    assert undisturbed.returncode == 0, undisturbed.stderr

    draw = random.Random(agent)
    kills = 0
    for _ in range(MAX_KILLS):
        out = tmp_path / "killed"
        going_on = ("--resume",) if out.exists() else ()
        was_running, _ = ended_while_playing(out, draw, *asked, "--out", str(out), *going_on)
        kills += was_running
        if not was_running:
            break
    last = command(*asked, "--out", str(tmp_path / "killed"), "--resume", "--json")
    assert last.returncode == 0, last.stderr

    killed = results(tmp_path / "killed")
    ids = [each["episode_id"] for each in killed]
    assert len(ids) == len(set(ids)) == 18, "none twice, none missing"
    assert without_names(killed) == without_names(results(tmp_path / "whole"))
    assert last.stdout == undisturbed.stdout
    assert kills >= 1
    print(f"{agent}: {kills} kills, 18 episodes, results equal")


def test_episodes_that_the_disk_forgot_are_taken_up_from_the_server(server: ServerProcess, tmp_path: Path) -> None:
    asked = ("run", "--agent", "random", "--entries", "6", "--url", server.url, "--out", str(tmp_path / "r"))
    assert command_in_process(*asked).returncode == 0
    before = results(tmp_path / "r")
    (tmp_path / "r" / "turns.jsonl").write_text("")
    lines = (tmp_path / "r" / "results.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "r" / "results.jsonl").write_text("".join(lines[:2]) + lines[2][:40])

    again = command_in_process(*asked, "--resume")

    assert again.returncode == 0, again.stderr
    after = results(tmp_path / "r")
    assert {each["episode_id"] for each in after} == {each["episode_id"] for each in before}
    assert without_names(after) == without_names(before)


def test_ctrl_c_ends_in_order_and_says_how_to_go_on(server: ServerProcess, tmp_path: Path) -> None:
    out = str(tmp_path / "r")
    asked = ("run", "--agent", "heuristic", "--trials", "200", "--concurrency", "2", "--url", server.url, "--out", out)
    draw = random.Random(1)
    was_running, said = ended_while_playing(tmp_path / "r", draw, *asked, how=signal.SIGINT)
    assert was_running
    assert "Traceback" not in said
    assert f"mlops-debug run --resume --out {out}" in said
    finished = {each["episode_id"] for each in results(tmp_path / "r")}
    ended_while_playing(tmp_path / "r", draw, *asked, "--resume", how=signal.SIGINT)
    ids = [each["episode_id"] for each in results(tmp_path / "r")]
    assert len(ids) == len(set(ids))
    assert finished <= set(ids)


def test_a_killed_server_costs_no_episode(own_server: ServerProcess, tmp_path: Path) -> None:
    out = tmp_path / "r"
    asked = ("run", "--agent", "random", "--entries", "12", "--url", own_server.url, "--out", str(out))
    own_server.kill()
    dead = command_in_process(*asked)
    assert (dead.returncode, out.exists()) == (3, False)
    own_server.start()
    assert command_in_process(*asked).returncode == 0
    assert len(results(out)) == 12


def test_a_run_is_taken_up_only_as_what_it_was_begun_as(server: ServerProcess, tmp_path: Path) -> None:
    out = str(tmp_path / "r")
    begun = command_in_process("run", "--agent", "nop", "--entries", "3", "--url", server.url, "--out", out)
    assert begun.returncode == 0
    other = command_in_process("run", "--agent", "random", "--url", server.url, "--out", out, "--resume")
    assert (other.returncode, "begun with --agent nop, not random" in other.stderr) == (2, True)
    again = command_in_process("run", "--agent", "nop", "--url", server.url, "--out", out)
    assert (again.returncode, "--resume" in again.stderr) == (2, True)
    assert len(results(tmp_path / "r")) == 3
    header = json.loads((tmp_path / "r" / "run.json").read_text())
    assert len(header["run_id"]) == 32
