"""A ranked round with the expert task: played over REST by two agents, closed, put on the board, and derived again from a bundle."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.e2e.playing import Json
from tests.e2e.running import ServerProcess, environment, run_command

EXPERT_ENTRIES = (4, 6, 10)
BLUNDER: Json = {"failure_category": "label_mismatch", "root_cause_file": "model_card.json", "confidence": 0.2}


def command(*arguments: str, database: Path, code: int = 0) -> str:
    done = run_command(*arguments, "--database", str(database))
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def play(http: httpx.Client, entry: int, *diagnoses: Json) -> Json:
    begun = http.post("/reset", json={"round": "spring", "entry": entry}).raise_for_status().json()
    assert begun["info"]["task_id"] == "expert"
    action = {"action_type": "submit_diagnosis", "diagnoses": list(diagnoses)}
    body: Json = http.post("/step", json={"episode_id": begun["info"]["episode_id"], "action": action}).json()["info"]
    return body


@pytest.mark.slow
def test_a_round_with_the_expert_task_is_played_ranked_and_derived_again(tmp_path: Path) -> None:
    process = ServerProcess(tmp_path, child_environment=environment(MLOPS_DEBUG_ACCESS="keys"))
    keys = {name: command("keys", "create", name, database=process.database).strip() for name in ("ann", "bob")}
    command("rounds", "open", "--suite", "ranked-3", "--attempts", "2", "--name", "spring", database=process.database)
    process.start()
    try:
        clients = {
            name: httpx.Client(
                base_url=process.url, headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=30
            )
            for name, key in keys.items()
        }
        ended = [play(clients["ann"], entry) for entry in EXPERT_ENTRIES for _ in range(2)]
        ended += [play(clients["bob"], entry, BLUNDER, BLUNDER) for entry in EXPERT_ENTRIES]
        board = clients["ann"].get("/leaderboard.json").json()
        public_key = clients["ann"].get("/public-key").json()["public_key"]
        for client in clients.values():
            client.close()
        command("rounds", "close", "spring", database=process.database)
    finally:
        process.stop()
    healthy = [info["score"] for info in ended[:6] if not info["ground_truth"]["faults"]]
    print(
        f"planted: {[len(info['ground_truth']['faults']) for info in ended]}, scores {[info['score'] for info in ended]}"
    )
    assert set(healthy) <= {0.99}
    assert {info["score"] for info in ended[:6] if info["ground_truth"]["faults"]} <= {0.01}
    assert {"ann", "bob"} <= {row["agent"] for row in board["rows"]}
    assert "expert" in json.dumps(board["rows"])
    bundle = tmp_path / "spring.zip"
    command("export", "--round", "spring", "--bundle", str(bundle), database=process.database)
    verified = run_command("verify", str(bundle), "--public-key", public_key)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert command("rebuild", "--verify", database=process.database)
    assert command("audit", "--all", database=process.database)
