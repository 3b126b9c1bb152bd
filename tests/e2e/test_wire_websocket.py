"""WIRE.md, "WebSocket": frames and error codes."""

from __future__ import annotations

import httpx
import pytest

from tests.e2e.playing import (
    MAX_STEPS,
    REFUSED_QUERY,
    TASKS,
    WRONG_DIAGNOSIS,
    Episode,
    Json,
    Socket,
    accepted,
    error_of,
)


def state_of(http: httpx.Client, episode_id: str) -> Json:
    return accepted(http.get("/state", params={"episode_id": episode_id}))


def still_answers(ws: Socket) -> bool:
    return bool(ws.observe("reset", seed=5)["metadata"]["version"] == 1)


def test_a_reset_answers_the_documented_frame(ws: Socket) -> None:
    frame = ws.ask("reset", task_id="hard", seed=3, episode_id="a-1")
    assert frame["type"] == "observation"
    assert set(frame["data"]) == {"observation", "reward", "done", "metadata"}
    assert (frame["data"]["reward"], frame["data"]["done"]) == (None, False)
    assert frame["data"]["metadata"] == {
        "episode_id": "a-1",
        "version": 1,
        "task_id": "hard",
        "step_count": 0,
        "max_steps": 16,
        "truncated": False,
    }


def test_a_step_answers_the_documented_frame(ws: Socket) -> None:
    ws.observe("reset", task_id="hard", seed=3)
    frame = ws.ask(
        "step",
        action_type="read_logs",
        log_filter="epoch:1-3",
        metadata={"request_id": "r-9", "expected_version": 1},
    )
    assert set(frame["data"]) == {"observation", "reward", "done", "metadata"}
    assert (frame["data"]["reward"], frame["data"]["metadata"]["version"]) == (0.02, 2)
    assert frame["data"]["observation"]["last_action_result"]["filter"] == "epoch:1-3"


def test_the_state_answers_the_documented_frame(ws: Socket) -> None:
    episode_id = ws.observe("reset", task_id="medium", seed=5)["metadata"]["episode_id"]
    ws.observe("step", action_type="read_config")
    assert ws.state() == {
        "episode_id": episode_id,
        "step_count": 1,
        "task_id": "medium",
        "max_steps": 30,
        "experiments_left": 2,
        "done": False,
        "truncated": False,
        "total_reward": 0.02,
        "score": None,
        "artifacts_read": ["config.yaml"],
        "checks_run": [],
        "ground_truth": None,
    }


@pytest.mark.parametrize("task_id", TASKS)
def test_both_transports_give_the_same_observations(http: httpx.Client, ws: Socket, task_id: str) -> None:
    actions = [
        {"action_type": "read_config"},
        {"action_type": "read_logs", "log_filter": "epoch:1-3"},
        {"action_type": "query_artifact", "artifact_name": "train.log", "field_path": "loss"},
        {"action_type": "run_sanity_check", "sanity_check_type": "loss_trajectory"},
        REFUSED_QUERY,
        WRONG_DIAGNOSIS,
    ]
    over_rest = Episode(http, task_id=task_id, seed=5)
    over_socket = ws.observe("reset", task_id=task_id, seed=5)
    assert over_socket["observation"] == over_rest.first["observation"]
    for action in actions:
        rest, socket = over_rest.play(action), ws.observe("step", **action)
        assert [socket[key] for key in ("observation", "reward", "done")] == [
            rest[key] for key in ("observation", "reward", "done")
        ]


def test_a_submission_shows_the_grade_in_metadata(ws: Socket) -> None:
    ws.observe("reset", task_id="medium", seed=5)
    metadata = ws.observe("step", **WRONG_DIAGNOSIS)["metadata"]
    assert metadata["ground_truth"]["fault_id"] == "data_leakage_scaler"
    assert {"score", "brier", "seed", "breakdown", "investigation"} <= set(metadata)


def test_the_step_limit_ends_an_episode_on_a_socket(ws: Socket) -> None:
    ws.observe("reset", task_id="easy", seed=5)
    answers = [ws.observe("step", **REFUSED_QUERY) for _ in range(MAX_STEPS["easy"])]
    assert (answers[-1]["done"], answers[-1]["reward"], answers[-1]["metadata"]["truncated"]) == (True, 0.01, True)


def test_a_step_after_the_end_gives_the_final_observation_again(ws: Socket) -> None:
    ws.observe("reset", seed=5)
    final = ws.observe("step", **WRONG_DIAGNOSIS)
    after = ws.observe("step", action_type="read_config")
    assert after == {**final, "reward": 0.0}


def test_request_ids_of_a_socket_are_recorded(http: httpx.Client, ws: Socket) -> None:
    episode_id = ws.observe("reset", seed=5, request_id="r-1")["metadata"]["episode_id"]
    ws.observe("step", action_type="read_config", metadata={"request_id": "r-2"})
    events = http.get(f"/episodes/{episode_id}/events").json()
    assert [event["request_id"] for event in events] == ["r-1", "r-2"]


def test_other_metadata_of_a_step_is_accepted(ws: Socket) -> None:
    ws.observe("reset", seed=5)
    assert ws.observe("step", action_type="read_config", metadata={"tag": "x"})["reward"] == 0.02


def test_null_parameters_of_a_typed_client_count_as_absent(ws: Socket) -> None:
    ws.observe("reset", seed=5)
    data = ws.observe("step", action_type="read_config", metadata={}, artifact_name=None, log_filter=None, patch=None)
    assert data["observation"]["last_action_result"]["artifact"] == "config.yaml"


def test_unknown_keys_of_a_reset_are_ignored(ws: Socket) -> None:
    assert ws.observe("reset", seed=5, colour="blue")["metadata"]["task_id"] == "easy"


@pytest.mark.parametrize("text", ["{", "reset", '{"type": "reset",}', ""])
def test_a_frame_that_is_no_json_is_invalid_json(ws: Socket, text: str) -> None:
    assert error_of(ws.ask_text(text))["code"] == "INVALID_JSON"
    assert still_answers(ws)


@pytest.mark.parametrize("frame_type", ["dance", "RESET", "observation", ""])
def test_an_unknown_frame_type_is_unknown_type(ws: Socket, frame_type: str) -> None:
    assert ws.error(frame_type)["code"] == "UNKNOWN_TYPE"
    assert still_answers(ws)


@pytest.mark.parametrize("text", ["[]", '"reset"', "7", "null", "true"])
def test_a_frame_that_is_no_object_is_a_validation_error(ws: Socket, text: str) -> None:
    assert error_of(ws.ask_text(text))["code"] == "VALIDATION_ERROR"
    assert still_answers(ws)


@pytest.mark.parametrize(
    "data",
    [{"task_id": "impossible"}, {"seed": -1}, {"seed": "7"}, {"episode_id": "a b"}, {"reward_mode": "generous"}],
    ids=str,
)
def test_a_reset_the_schema_rejects_is_a_validation_error(ws: Socket, data: Json) -> None:
    error = ws.error("reset", **data)
    assert error["code"] == "VALIDATION_ERROR"
    assert error["errors"]
    assert still_answers(ws)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"action_type": "dance"},
        {"action_type": "read_config", "colour": "blue"},
        {"action_type": "read_artifact"},
        {"action_type": "submit_diagnosis", "confidence": 1.5},
        {"action_type": "read_config", "metadata": 5},
    ],
    ids=str,
)
def test_a_step_the_schema_rejects_is_a_validation_error(ws: Socket, data: Json) -> None:
    ws.observe("reset", seed=5)
    error = ws.error("step", **data)
    assert error["code"] == "VALIDATION_ERROR"
    assert error["errors"]
    assert ws.state()["step_count"] == 0


@pytest.mark.parametrize("text", ['{"type": "step", "data": []}', '{"type": "reset", "data": "x"}'])
def test_data_that_is_no_object_is_a_validation_error(ws: Socket, text: str) -> None:
    ws.observe("reset", seed=5)
    assert error_of(ws.ask_text(text))["code"] == "VALIDATION_ERROR"
    assert ws.state()["step_count"] == 0


def test_a_step_before_any_reset_is_episode_not_started(ws: Socket) -> None:
    assert ws.error("step", action_type="read_config")["code"] == "EPISODE_NOT_STARTED"
    assert still_answers(ws)


def test_a_state_before_any_reset_is_episode_not_started(ws: Socket) -> None:
    assert error_of(ws.ask_text('{"type": "state"}'))["code"] == "EPISODE_NOT_STARTED"
    assert still_answers(ws)


def test_an_id_that_exists_is_an_execution_error_with_the_problem(http: httpx.Client, ws: Socket) -> None:
    episode = Episode(http, seed=5)
    error = ws.error("reset", seed=8, episode_id=episode.id)
    assert error["code"] == "EXECUTION_ERROR"
    assert (error["problem"]["status"], error["problem"]["code"]) == (409, "episode_exists")
    assert still_answers(ws)


def test_a_stale_expected_version_is_an_execution_error_with_the_problem(ws: Socket) -> None:
    ws.observe("reset", seed=5)
    error = ws.error("step", action_type="read_config", metadata={"expected_version": 5})
    assert error["code"] == "EXECUTION_ERROR"
    assert (error["problem"]["code"], error["problem"]["actual_version"]) == ("wrong_expected_version", 1)
    assert ws.state()["step_count"] == 0


def test_a_request_id_with_another_action_is_an_execution_error_with_the_problem(ws: Socket) -> None:
    ws.observe("reset", seed=5)
    ws.observe("step", action_type="read_config", metadata={"request_id": "r-1"})
    error = ws.error("step", action_type="read_logs", metadata={"request_id": "r-1"})
    assert (error["code"], error["problem"]["code"]) == ("EXECUTION_ERROR", "request_id_reused")
