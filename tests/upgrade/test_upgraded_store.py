"""A store of a released version is upgraded and served: nothing in it changes, and what ran goes on under its old rules.

Each test plays on with episodes of its own, so that their order does not matter.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from server.audit.bundle.findings import ExternalEvidence
from server.audit.bundle.verifier import verify_bundle
from server.audit.checkpoint_audit import read_checkpoint
from server.audit.report import StoreFinding
from server.audit.store_audit import audit_store
from server.security.secret_files import SecretFiles, secrets_folder
from tests.databases import execute
from tests.e2e.playing import assert_problem, open_client
from tests.e2e.running import run_command_in_process
from tests.upgrade.conftest import Upgraded
from tests.upgrade.stores import Json

BOARD_NUMBERS = ("agent", "kind", "verified", "score", "plain_mean", "attempts", "complete", "entries_never_attempted")
BOARD_NUMBERS += ("pass_1", "pass_k", "tasks", "faults", "mean_steps", "brier", "calibration", "client_reported")


@pytest.fixture
def http(upgraded: Upgraded) -> Iterator[httpx.Client]:
    with open_client(upgraded.url) as client:
        yield client


def send(http: httpx.Client, upgraded: Upgraded, exchange: Json, **changes: Any) -> httpx.Response:
    """A recorded request, with another body in parts."""
    key = exchange["key"]
    headers = {"Authorization": f"Bearer {upgraded.store.played['keys'][key]}"} if key is not None else {}
    return http.request(exchange["method"], exchange["path"], json={**exchange["body"], **changes}, headers=headers)


def outcome(answer: Json) -> Json:
    """An answer without the names of the episode, and without the receipt over them."""
    told = {name: value for name, value in answer["info"].items() if name not in ("episode_id", "receipt")}
    return {"observation": answer["observation"], "reward": answer["reward"], "done": answer["done"], "info": told}


def command(upgraded: Upgraded, *arguments: str, code: int = 0) -> str:
    done = run_command_in_process(*arguments, settings=upgraded.store.environment)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def steps(upgraded: Upgraded) -> list[Json]:
    return [each for each in upgraded.store.played["exchanges"] if each["path"].endswith("/step")]


def test_every_event_is_what_it_was(upgraded: Upgraded) -> None:
    names = ("stream_id", "version", "kind", "schema_version", "recorded_at", "actor", "request_id", "payload", "hash")
    rows = execute(upgraded.store.database_url, f"SELECT {', '.join(names)} FROM recorded_events")
    now = {(row[0], row[1]): dict(zip(names, row, strict=True)) for row in rows}
    with zipfile.ZipFile(upgraded.store.folder / "bundle.zip") as bundle:
        before = [json.loads(line) for line in bundle.read("events.jsonl").splitlines()]
    assert len(before) > 100
    for each in before:
        found = now[each["stream_id"], each["version"]]
        digest = found["hash"].hex() if isinstance(found["hash"], bytes) else found["hash"]
        recorded = {name: each[name] for name in names}
        if each["payload"] is None:  # the reset of an episode that ran has its seed, which a bundle withholds
            assert hashlib.sha256(found["payload"].encode()).hexdigest() == each["payload_digest"]
            recorded["payload"] = found["payload"]
        assert {**recorded, "hash": digest} == {**found, "hash": digest}
        assert digest == each["hash"]


def test_a_repeated_step_is_answered_as_recorded(upgraded: Upgraded, http: httpx.Client) -> None:
    for exchange in steps(upgraded):
        answered = send(http, upgraded, exchange)
        assert (answered.status_code, answered.json()) == (exchange["status"], exchange["answer"])


def test_a_repeated_reset_is_answered_as_recorded(upgraded: Upgraded, http: httpx.Client) -> None:
    (exchange,) = [e for e in upgraded.store.played["exchanges"] if (e["body"] or {}).get("episode_id") == "untouched"]
    answered = send(http, upgraded, exchange).json()
    now, before = (each["observation"].pop("field_registry") for each in (answered, exchange["answer"]))
    assert answered == exchange["answer"]
    assert [field for field in before if field not in now] == []  # later versions add fields


def test_a_used_request_id_is_refused_for_another_action(upgraded: Upgraded, http: httpx.Client) -> None:
    for exchange in steps(upgraded):
        other = {"action_type": "check_dataset_stats"}
        assert_problem(send(http, upgraded, exchange, action=other), 409, "request_id_reused")


@pytest.mark.parametrize("task_id", ["easy", "medium", "hard", "expert"])
def test_a_running_episode_goes_on_and_is_graded_as_the_release_graded_the_same_actions(
    upgraded: Upgraded, http: httpx.Client, task_id: str
) -> None:
    for exchange in upgraded.store.answers_to(f"ended-{task_id}")[1:]:
        path = f"/episodes/running-{task_id}/step"
        answered = http.post(path, json=exchange["body"])
        assert outcome(answered.json()) == outcome(exchange["answer"])


def test_the_running_episode_of_a_key_goes_on_under_the_name_that_its_player_gave(
    upgraded: Upgraded, http: httpx.Client
) -> None:
    for exchange in upgraded.store.answers_to("old-easy-1", "bob")[1:]:
        answered = send(http, upgraded, {**exchange, "key": "ann"}).json()
        assert outcome(answered) == outcome(exchange["answer"])
        assert answered["info"]["episode_id"] == "old-easy-1"


def test_the_running_episode_of_a_session_goes_on_there(upgraded: Upgraded) -> None:
    # Its first step equals the last recorded one, so it is answered as recorded and not taken again.
    address = upgraded.url.replace("http", "ws", 1) + "/sessions/lab/ws"
    with connect(address, proxy=None) as socket:
        for exchange in upgraded.store.answers_to("ended-hard"):
            socket.send(json.dumps({"type": "step", "data": exchange["body"]["action"]}))
            answered = json.loads(socket.recv(timeout=20))["data"]
            assert outcome({**answered, "info": answered["metadata"]}) == outcome(exchange["answer"])


def test_an_attempt_of_the_open_round_goes_on_under_the_rubric_of_its_round(
    upgraded: Upgraded, http: httpx.Client
) -> None:
    begun = [each for each in steps(upgraded) if ".autumn:2:" in each["path"]][0]
    ended = send(http, upgraded, begun, action={"action_type": "submit_diagnosis"}, request_id="last").json()
    assert (ended["done"], ended["info"]["receipt"]["statement"]["rubric_version"]) == (True, "1")
    assert ended["info"]["receipt"]["statement"]["generator_version"] == "4"
    assert ended["info"]["receipt"]["public_key"] == upgraded.store.public_key


def test_the_open_round_takes_no_new_attempts_because_its_seeds_mean_other_scenarios_now(
    upgraded: Upgraded, http: httpx.Client
) -> None:
    exchange = {"method": "POST", "path": "/reset", "body": {"round": "autumn", "entry": 3}, "key": "bob"}
    assert_problem(send(http, upgraded, exchange), 409, "round_version")


def test_the_board_of_the_closed_round_keeps_its_numbers(upgraded: Upgraded, http: httpx.Client) -> None:
    path = "/leaderboard.json?round=spring"
    before, now = (
        {row["agent"]: row for row in each["rows"]} for each in (upgraded.store.answer(path), http.get(path).json())
    )
    assert set(now) == set(before) == {"ann", "bob"}
    for agent, row in before.items():
        assert {name: now[agent][name] for name in BOARD_NUMBERS} == {name: row[name] for name in BOARD_NUMBERS}


def test_rounds_keep_their_commitments_and_revealed_secrets(upgraded: Upgraded, http: httpx.Client) -> None:
    now = {each["round"]: each for each in http.get("/rounds").json()["rounds"]}
    for each in upgraded.store.answer("/rounds")["rounds"]:
        assert {name: now[each["round"]][name] for name in each} == each


def test_the_audit_of_everything_finds_nothing(upgraded: Upgraded) -> None:
    files = SecretFiles(secrets_folder(upgraded.store.settings))
    report = audit_store(upgraded.store.database_url, files, workers=1, create_pool=ThreadPoolExecutor)
    assert report.findings == ()
    assert report.episodes >= 20


def test_the_checkpoint_that_was_stored_elsewhere_holds(upgraded: Upgraded) -> None:
    command(upgraded, "audit", "--checkpoint", str(upgraded.store.folder / "checkpoint.json"))


def test_the_read_models_follow_from_the_events(upgraded: Upgraded) -> None:
    assert "replaced by the rebuilt tables" in command(upgraded, "rebuild", "--verify")


@pytest.mark.parametrize("name", ["bundle.zip", "spring.zip"])
def test_a_bundle_of_the_release_is_verified(upgraded: Upgraded, name: str) -> None:
    assert verified(upgraded, upgraded.store.folder / name, ExternalEvidence()) == ()


def test_a_new_bundle_continues_from_the_old_checkpoint_and_has_every_receipt(
    upgraded: Upgraded, tmp_path: Path
) -> None:
    command(upgraded, "export", "--bundle", str(tmp_path / "new.zip"))
    checkpoint = read_checkpoint(json.loads((upgraded.store.folder / "checkpoint.json").read_text()))
    answers = [each["answer"]["info"] for each in steps(upgraded)]
    receipts = [info["receipt"] for info in answers if "receipt" in info]
    assert len(receipts) == 9
    assert verified(upgraded, tmp_path / "new.zip", ExternalEvidence([checkpoint], receipts, {})) == ()


def verified(upgraded: Upgraded, path: Path, evidence: ExternalEvidence) -> tuple[StoreFinding, ...]:
    """What is found in a bundle; in this process, because starting others takes longer than verifying."""
    key = upgraded.store.public_key
    return verify_bundle(path, key, evidence=evidence, workers=1, create_pool=ThreadPoolExecutor).findings


def test_an_interrupted_run_goes_on_in_its_folder(upgraded: Upgraded) -> None:
    run = upgraded.store.folder / "run"
    before = (run / "results.jsonl").read_text()
    command(upgraded, "run", "--resume", "--out", str(run), "--url", upgraded.url)
    after = (run / "results.jsonl").read_text()
    assert after.startswith(before)
    results = [json.loads(line) for line in after.splitlines()]
    assert len({(each["task_id"], each["seed"]) for each in results}) == len(results) == 6


@pytest.mark.parametrize("what", ["results", "chat", "events"])
def test_an_export_of_the_run_has_what_the_release_exported(upgraded: Upgraded, what: str, tmp_path: Path) -> None:
    run, out = str(upgraded.store.folder / "run"), tmp_path / "out.jsonl"
    command(upgraded, "export", run, "--what", what, "--out", str(out), "--url", upgraded.url)
    before = [json.loads(line) for line in (upgraded.store.folder / f"{what}.jsonl").read_text().splitlines()]
    after = [json.loads(line) for line in out.read_text().splitlines()]
    for old, new in zip(before, after, strict=False):  # later ones follow, if the run went on
        assert {name: kept(name, new[name]) for name in old} == {name: kept(name, old[name]) for name in old}


HASHES = ("hash", "prev_hash", "payload", "payload_digest")


def kept(name: str, value: Any) -> Any:
    """What an export must keep. The prompt of an agent without a model, and the names of its calls, are this version's; hashes over
    a session's name that could be guessed are withheld."""
    if name == "messages":
        calls = [call["function"] for each in value for call in each.get("tool_calls") or ()]
        return [calls, [each["content"] for each in value if each["role"] == "tool"]]
    return None if name in (*HASHES, "tools") else value
