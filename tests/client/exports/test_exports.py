"""Exports: one row an episode, pair or event, the same columns in each row, and nothing that the run does not hold."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from domain.chain import GENESIS_HASH, Link, verify_chain
from mlops_debug_env.exports.columns import COLUMNS
from mlops_debug_env.exports.formats import What
from mlops_debug_env.protocol.actions import parse_action
from tests.client.exports.test_columns import fits
from tests.client.runner.running import results, run_in_process
from tests.e2e.running import ROOT, ServerProcess, free_port

Row = dict[str, Any]


@pytest.fixture(scope="module")
def runs(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("runs")
    for agent in ("heuristic", "random"):
        asked = ("--entries", "3", "--trials", "2", "--url", server.url, "--out", str(folder / agent))
        assert run_in_process("run", "--agent", agent, *asked)[0] == 0
    return folder / "heuristic", folder / "random"


def exported(what: str, *arguments: str | Path) -> list[Row]:
    code, stdout, stderr = run_in_process("export", "--what", what, *map(str, arguments))
    assert code == 0, stderr
    return [json.loads(line) for line in stdout.splitlines()]


def test_results_of_several_runs_are_one_flat_table(runs: tuple[Path, Path]) -> None:
    rows = exported("results", *runs)
    assert rows == results(runs[0]) + results(runs[1])
    assert {tuple(each) for each in rows} == {tuple(rows[0])}
    assert not any(isinstance(value, dict | list) for each in rows for value in each.values())


def test_a_conversation_holds_every_action_and_what_it_showed(runs: tuple[Path, Path]) -> None:
    rows = exported("chat", *runs)
    assert len(rows) == 12
    for row, result in zip(rows, results(runs[0]) + results(runs[1]), strict=True):
        roles = [each["role"] for each in row["messages"]]
        assert roles == ["system", "user"] + ["assistant", "tool"] * result["steps"]
        assert row["reward"] == result["total_reward"]
        calls = [each["tool_calls"][0] for each in row["messages"] if each["role"] == "assistant"]
        actions = [
            parse_action({"action_type": each["function"]["name"], **json.loads(each["function"]["arguments"])})
            for each in calls
        ]
        assert actions[-1].action_type == "submit_diagnosis"
        answered = [each["tool_call_id"] for each in row["messages"] if each["role"] == "tool"]
        assert answered == [each["id"] for each in calls]
        offered = {each["function"]["name"] for each in json.loads(row["tools"])}
        assert {each["function"]["name"] for each in calls} <= offered


def test_nothing_in_a_prompt_before_the_end_names_the_fault(runs: tuple[Path, Path]) -> None:
    for row in exported("chat", runs[1]):
        prompt = json.dumps(row["messages"][:2])
        assert row["fault_id"] not in prompt
        assert "ground_truth" not in json.dumps(row["messages"])


def test_only_conversations_that_scored_enough_are_wanted(runs: tuple[Path, Path]) -> None:
    assert {each["agent"] for each in exported("chat", *runs, "--least-score", "0.9")} == {"heuristic"}


def test_a_pair_shares_its_prompt_and_the_chosen_one_scored_more(runs: tuple[Path, Path]) -> None:
    rows = exported("preference", *runs)
    assert len(rows) == 3
    for row in rows:
        assert row["chosen_score"] >= row["rejected_score"] + 0.1
        assert [each["role"] for each in row["prompt"]] == ["system", "user"]
        assert row["chosen"][0]["role"] == row["rejected"][0]["role"] == "assistant"
    assert exported("preference", *runs, "--least-gap", "2") == []


def test_events_come_over_the_wire_and_their_chain_verifies(runs: tuple[Path, Path], server: ServerProcess) -> None:
    rows = exported("events", runs[0], "--url", server.url)
    streams: dict[str, list[Row]] = {}
    for row in rows:
        streams.setdefault(row["stream_id"], []).append(row)
    assert set(streams) == {each["episode_id"] for each in results(runs[0])}
    for events in streams.values():
        assert events[0]["prev_hash"] == GENESIS_HASH.hex()
        assert verify_chain(events[0]["stream_id"], (_link(each) for each in events)) == ()


def test_a_file_is_there_whole_or_not_at_all(runs: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    code, _, _ = run_in_process("export", str(runs[0]), str(tmp_path / "no run"), "--out", str(out))
    assert (code, list(tmp_path.iterdir())) == (2, [])
    code, _, stderr = run_in_process("export", str(runs[0]), "--out", str(out))
    assert (code, stderr) == (0, f"{out}: 6 lines of results, from 1 run\n")
    assert len(out.read_text().splitlines()) == 6


def test_an_export_to_standard_output_says_on_standard_error_what_it_wrote(runs: tuple[Path, Path]) -> None:
    _, stdout, stderr = run_in_process("export", *map(str, runs), "--what", "chat", "--least-score", "2")
    assert (stdout, stderr) == ("", "standard output: 0 lines of chat, from 2 runs\n")


def test_events_of_a_server_that_is_gone_are_reported(runs: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "events.jsonl"
    asked = ("--what", "events", "--url", f"http://127.0.0.1:{free_port()}", "--out", str(out))
    code, _, stderr = run_in_process("export", str(runs[0]), *asked)
    assert (code, stderr.count("\n"), out.exists()) == (3, 1, False)


@pytest.mark.parametrize("what", ["results", "chat", "preference", "events"])
def test_rows_have_the_declared_columns_and_parquet_has_the_same_rows(
    what: What, runs: tuple[Path, Path], server: ServerProcess, tmp_path: Path
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow, of the extra dev")
    rows = exported(what, *runs, "--url", server.url)
    assert [list(each) for each in rows] == [list(COLUMNS[what])] * len(rows)
    assert all(fits(row[name], COLUMNS[what][name]) for row in rows for name in row)
    out = tmp_path / "rows.parquet"
    asked = ("--what", what, "--url", server.url, "--out", str(out), "--card", str(tmp_path / "README.md"))
    code, _, stderr = run_in_process("export", *map(str, runs), *asked)
    assert (code, stderr) == (0, f"{out}: {len(rows)} rows of {what}, from 2 runs\n")
    assert parquet.read_table(out).to_pylist() == rows
    assert sorted(each.name for each in tmp_path.iterdir()) == ["README.md", "rows.parquet"]


@pytest.mark.parametrize(
    "options", [("--format", "parquet"), ("--card", "README.md"), ("--out", "a/r.jsonl", "--card", "README.md")]
)
def test_parquet_and_cards_need_a_file_and_its_folder(options: tuple[str, ...], runs: tuple[Path, Path]) -> None:
    code, stdout, stderr = run_in_process("export", str(runs[0]), *options)
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("what", ["results", "chat", "preference", "events"])
def test_every_field_is_documented(what: str, runs: tuple[Path, Path], server: ServerProcess) -> None:
    text = (ROOT / "docs" / "reference" / "exports.md").read_text()
    section = re.search(rf"^## `{what}`\n(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    assert section is not None
    named = set(re.findall(r"^\| `(\w+)`", section[1], flags=re.MULTILINE))
    assert named == set(exported(what, *runs, "--url", server.url)[0])


def _link(row: Row) -> Link:
    return Link(
        stream_id=row["stream_id"],
        version=row["version"],
        position=row["position"],
        kind=row["kind"],
        schema_version=row["schema_version"],
        recorded_at=row["recorded_at"],
        actor=row["actor"],
        request_id=row["request_id"],
        payload=row["payload"].encode(),
        payload_digest=bytes.fromhex(row["payload_digest"]),
        prev_hash=bytes.fromhex(row["prev_hash"]),
        hash=bytes.fromhex(row["hash"]),
    )
