"""The example agent plays as its docstring says: a suite, and a ranked round."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.client.runner.ranked import RankedServer
from tests.client.runner.running import command, command_in_process, results
from tests.e2e.running import ROOT, ServerProcess

EXAMPLE = ROOT / "examples" / "ten_lines.py"
AGENT = f"{EXAMPLE}:TenLines"


def test_the_class_has_ten_lines() -> None:
    (written,) = [each for each in ast.parse(EXAMPLE.read_text()).body if isinstance(each, ast.ClassDef)]
    lines = ast.get_source_segment(EXAMPLE.read_text(), written) or ""
    assert len([line for line in lines.splitlines() if line.strip()]) <= 10


def test_it_plays_a_suite(server: ServerProcess, tmp_path: Path) -> None:
    out = tmp_path / "r"
    ended = command("run", "--agent", AGENT, "--entries", "4", "--url", server.url, "--out", str(out))
    assert ended.returncode == 0, ended.stderr
    assert [(each["agent"], each["steps"]) for each in results(out)] == [("ten-lines", 4)] * 4


def test_it_plays_a_round_and_is_on_its_board(ranked: RankedServer, tmp_path: Path) -> None:
    key = ranked.key("ten-lines")
    arguments = ("compete", "--round", ranked.round, "--agent", AGENT, "--url", ranked.url, "--api-key", key)
    ended = command_in_process(*arguments, "--out", str(tmp_path / "r"))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(f"{ranked.entries} attempts played, 0 had been played before")
    (row,) = [row for row in ranked.board() if row["agent"] == "ten-lines"]
    assert (row["attempts"]["used"], row["complete"]) == (ranked.entries, True)
