"""WIRE.md, the expert task: 0 to 2 diagnoses, over REST, WebSocket, a restart, an audit and a bundle of real processes."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.e2e.playing import (
    PARTS,
    REFUSED_QUERY,
    WRONG_DIAGNOSIS,
    Episode,
    Json,
    Socket,
    accepted,
    assert_problem,
    error_of,
)
from tests.e2e.running import ServerProcess, run_command_in_process

HEALTHY_SEED, ONE_SEED, TWO_SEED = 5, 2, 3
"""What the seeds plant: nothing; one fault; two."""
NOTHING: Json = {"action_type": "submit_diagnosis", "diagnoses": []}


def faults_of(http: httpx.Client, seed: int) -> list[Json]:
    """The revealed truth of a seed, as entries to submit."""
    info = Episode(http, task_id="expert", seed=seed).play(NOTHING)["info"]
    return [
        {name: value for name, value in fault.items() if name not in ("fault_id", "accepted")}
        for fault in info["ground_truth"]["faults"]
    ]


def investigated(http: httpx.Client, seed: int, **parameters: Any) -> Episode:
    episode = Episode(http, task_id="expert", seed=seed, **parameters)
    for action_type in ("read_config", "read_logs", "inspect_preprocessing"):
        episode.step(action_type)
    return episode


def submitted(*entries: Json) -> Json:
    return {"action_type": "submit_diagnosis", "diagnoses": list(entries)}


def test_a_reset_says_how_many_faults_and_steps_there_may_be(http: httpx.Client) -> None:
    observation = Episode(http, task_id="expert", seed=TWO_SEED).first["observation"]
    assert (observation["task_id"], observation["max_steps"]) == ("expert", 16)
    for words in ("Nothing may be wrong", "two different things", "16 steps", "3 experiments", "0 to 2 entries"):
        assert words in observation["task_description"]


@pytest.mark.parametrize(("seed", "count"), [(HEALTHY_SEED, 0), (ONE_SEED, 1), (TWO_SEED, 2)])
def test_the_revealed_truth_scores_at_least_095_as_it_stands(http: httpx.Client, seed: int, count: int) -> None:
    faults = faults_of(http, seed)
    assert len(faults) == count
    body = investigated(http, seed).play(submitted(*faults))
    assert body["done"] is True
    assert body["reward"] == body["info"]["score"] >= 0.95
    assert [entry["fault_id"] for entry in body["info"]["breakdown"]["entries"]] == [
        fault["fault_id"] for fault in body["info"]["ground_truth"]["faults"]
    ]
    assert body["info"]["breakdown"]["missed"] == []


@pytest.mark.parametrize(
    ("seed", "entries", "score"),
    [(HEALTHY_SEED, [], 0.99), (HEALTHY_SEED, [{"confidence": 0.5}], 0.01), (ONE_SEED, [], 0.01), (TWO_SEED, [], 0.01)],
)
def test_the_fixed_scores(http: httpx.Client, seed: int, entries: list[Json], score: float) -> None:
    assert Episode(http, task_id="expert", seed=seed).play(submitted(*entries))["info"]["score"] == score


def test_one_of_two_earns_half_and_an_entry_too_many_costs_a_quarter(http: httpx.Client) -> None:
    one, _ = faults_of(http, TWO_SEED)
    body = investigated(http, TWO_SEED).play(submitted(one))
    assert body["info"]["score"] == 0.5
    assert len(body["info"]["breakdown"]["missed"]) == 1
    (only,) = faults_of(http, ONE_SEED)
    too_many = investigated(http, ONE_SEED).play(submitted(only, {"confidence": 0.1}))["info"]
    assert too_many["score"] == 0.75
    assert too_many["breakdown"]["penalties"] == [{"reason": "an entry that matches nothing", "amount": -0.25}]
    assert [entry["fault_id"] is None for entry in too_many["breakdown"]["entries"]] == [False, True]


def test_the_breakdown_has_exactly_the_documented_keys(http: httpx.Client) -> None:
    breakdown = investigated(http, TWO_SEED).play(submitted(*faults_of(http, TWO_SEED)))["info"]["breakdown"]
    assert set(breakdown) == {"entries", "missed", "penalties"}
    for entry in breakdown["entries"]:
        assert set(entry) == {*PARTS, "fault_id"}


@pytest.mark.parametrize(
    ("task_id", "action"),
    [
        ("expert", WRONG_DIAGNOSIS),
        ("expert", {"action_type": "submit_diagnosis"}),
        ("easy", NOTHING),
        ("hard", {"action_type": "submit_diagnosis", "diagnoses": [{}]}),
    ],
)
def test_the_shape_of_another_task_is_invalid_and_harms_nothing(
    http: httpx.Client, ws: Socket, task_id: str, action: Json
) -> None:
    episode = Episode(http, task_id=task_id, seed=TWO_SEED)
    problem = assert_problem(episode.post(action), 422, "invalid")
    assert task_id in problem["detail"] and problem["errors"][0]["type"] == "wrong_submission"
    state = accepted(http.get("/state", params={"episode_id": episode.id}))
    assert (state["step_count"], state["done"]) == (0, False)
    ws.observe("reset", task_id=task_id, seed=TWO_SEED)
    assert error_of(ws.ask("step", **action))["code"] == "VALIDATION_ERROR"
    assert ws.state()["step_count"] == 0
    assert ws.observe("step", **REFUSED_QUERY)["metadata"]["version"] == 2


@pytest.mark.parametrize(
    "action",
    [
        {"action_type": "submit_diagnosis", "diagnoses": [{}, {}, {}]},
        {"action_type": "submit_diagnosis", "diagnoses": [{"failure_category": "gremlins"}]},
        {"action_type": "submit_diagnosis", "diagnoses": [], "confidence": 0.5},
    ],
)
def test_what_the_schema_rejects_is_invalid(http: httpx.Client, action: Json) -> None:
    episode = Episode(http, task_id="expert", seed=TWO_SEED)
    assert_problem(episode.post(action), 422, "invalid")
    assert accepted(http.get("/state", params={"episode_id": episode.id}))["step_count"] == 0


def test_null_diagnoses_count_as_absent_elsewhere(http: httpx.Client) -> None:
    body = Episode(http, task_id="easy", seed=5).play({**WRONG_DIAGNOSIS, "diagnoses": None})
    assert body["done"] is True


def test_a_socket_plays_it_as_rest_does(http: httpx.Client, ws: Socket) -> None:
    faults = faults_of(http, TWO_SEED)
    ws.observe("reset", task_id="expert", seed=TWO_SEED)
    for action_type in ("read_config", "read_logs", "inspect_preprocessing"):
        ws.observe("step", action_type=action_type)
    body = ws.observe("step", **submitted(*faults[::-1]))
    assert body["metadata"]["score"] >= 0.95
    over_rest = investigated(http, TWO_SEED).play(submitted(*faults[::-1]))
    assert body["metadata"]["breakdown"] == over_rest["info"]["breakdown"]


def test_a_repeated_submission_is_answered_with_the_recorded_grade(http: httpx.Client) -> None:
    faults = faults_of(http, TWO_SEED)
    episode = investigated(http, TWO_SEED)
    first = episode.post(submitted(*faults), request_id="r-1")
    assert episode.post(submitted(*faults), request_id="r-1").content == first.content
    assert_problem(episode.post(submitted(*faults[::-1]), request_id="r-1"), 409, "request_id_reused")


def test_the_recorded_event_is_small_and_says_what_was_matched(http: httpx.Client) -> None:
    faults = faults_of(http, TWO_SEED)
    episode = investigated(http, TWO_SEED)
    episode.play(submitted(*faults))
    event = accepted(http.get(f"/episodes/{episode.id}/events"))[-1]  # type: ignore[index]
    assert (event["kind"], event["schema_version"]) == ("submit", 4)
    assert [entry["points"] for entry in event["payload"]["entries"]] == [[0.15, 0.25, 0.3, 0.3]] * 2
    assert [entry["verdict"] for entry in event["payload"]["entries"]] == ["twin", "twin"]
    size = len(json.dumps(event["payload"], separators=(",", ":")))
    print(f"{size} bytes with two entries of {len(json.dumps(faults))} bytes together")
    assert size < len(json.dumps(faults)) + 400


def test_running_episodes_tell_no_fault(http: httpx.Client) -> None:
    known = {json.dumps(fault["root_cause_field"]) for fault in faults_of(http, TWO_SEED)}
    episode = investigated(http, TWO_SEED)
    shown = json.dumps([episode.first["info"], accepted(http.get("/state", params={"episode_id": episode.id}))])
    assert not [field for field in known if field in shown]
    assert accepted(http.get("/state", params={"episode_id": episode.id}))["ground_truth"] is None
    assert accepted(http.get(f"/episodes/{episode.id}/events"))[0]["payload"] is None  # type: ignore[index]


def test_tasks_and_scores_list_it(http: httpx.Client) -> None:
    tasks = {task["task_id"]: task for task in accepted(http.get("/tasks"))["tasks"]}
    assert (tasks["expert"]["max_steps"], tasks["expert"]["difficulty"]) == (16, "expert")
    assert "expert" in accepted(http.get("/openenv/state"))["scores"]
    schema = accepted(http.get("/schema"))
    submit = schema["action"]["$defs"]["SubmitDiagnosis"]["properties"]["diagnoses"]
    assert submit["anyOf"][0]["maxItems"] == 2
    assert "expert" in json.dumps(schema["state"])


def test_it_survives_a_kill_and_an_audit_finds_nothing(own_server: ServerProcess) -> None:
    with httpx.Client(base_url=own_server.url, trust_env=False, timeout=30.0) as http:
        faults = faults_of(http, TWO_SEED)
        begun = investigated(http, TWO_SEED, episode_id="two")
        Episode(http, task_id="expert", seed=HEALTHY_SEED, episode_id="none").play(NOTHING)
    own_server.kill()
    own_server.start()
    with httpx.Client(base_url=own_server.url, trust_env=False, timeout=30.0) as http:
        begun.http = http
        assert begun.play(submitted(faults[0], {"root_cause_field": "model.bias"}))["info"]["score"] > 0.2
    for episode_id in ("two", "none"):
        audited = run_command_in_process("audit", episode_id, "--database", str(own_server.database))
        assert audited.returncode == 0, audited.stdout + audited.stderr
    replayed = run_command_in_process("replay", "two", "--database", str(own_server.database))
    assert "submit: " in replayed.stdout
    assert run_command_in_process("rebuild", "--verify", "--database", str(own_server.database)).returncode == 0
