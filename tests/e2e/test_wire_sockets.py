"""WIRE.md, "WebSocket": what a socket does to the episode it began, and in which order it answers."""

from __future__ import annotations

import json

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.e2e.playing import (
    WRONG_DIAGNOSIS,
    Json,
    Socket,
    accepted,
    assert_problem,
    error_of,
    open_socket,
)
from tests.e2e.running import ServerProcess


def state_of(http: httpx.Client, episode_id: str) -> Json:
    return accepted(http.get("/state", params={"episode_id": episode_id}))


def test_one_episode_is_reached_by_both_transports(http: httpx.Client, ws: Socket) -> None:
    episode_id = ws.observe("reset", seed=5)["metadata"]["episode_id"]
    accepted(http.post("/step", json={"episode_id": episode_id, "action": {"action_type": "read_config"}}))
    metadata = ws.observe("step", action_type="read_logs")["metadata"]
    assert (metadata["episode_id"], metadata["version"]) == (episode_id, 3)


def test_close_ends_the_socket(ws: Socket) -> None:
    ws.observe("reset", seed=5)
    ws.connection.send('{"type": "close"}')
    with pytest.raises(ConnectionClosed):
        ws.connection.recv(timeout=20)


def test_close_does_not_end_the_episode(http: httpx.Client, ws: Socket) -> None:
    episode_id = ws.observe("reset", seed=5)["metadata"]["episode_id"]
    ws.connection.send('{"type": "close"}')
    with pytest.raises(ConnectionClosed):
        ws.connection.recv(timeout=20)
    body = accepted(http.post(f"/episodes/{episode_id}/step", json={"action": {"action_type": "read_config"}}))
    assert (body["done"], body["info"]["version"]) == (False, 2)


def test_a_dropped_socket_does_not_end_the_episode(http: httpx.Client, server: ServerProcess) -> None:
    with open_socket(server.socket_url) as ws:
        episode_id = ws.observe("reset", seed=5)["metadata"]["episode_id"]
        ws.connection.socket.close()
    assert state_of(http, episode_id)["done"] is False


def test_a_socket_does_not_take_over_the_episode_of_another(server: ServerProcess, ws: Socket) -> None:
    ws.observe("reset", seed=5)
    with open_socket(server.socket_url) as other:
        assert other.error("step", action_type="read_config")["code"] == "EPISODE_NOT_STARTED"


def test_another_reset_on_a_socket_closes_its_open_episode(http: httpx.Client, ws: Socket) -> None:
    earlier = ws.observe("reset", task_id="medium", seed=5)["metadata"]["episode_id"]
    later = ws.observe("reset", seed=8)["metadata"]["episode_id"]
    state = state_of(http, earlier)
    assert later != earlier
    assert (state["done"], state["truncated"], state["score"]) == (True, True, 0.01)
    assert state["ground_truth"]["fault_id"] == "data_leakage_scaler"


def test_the_closed_episode_is_recorded_as_abandoned(http: httpx.Client, ws: Socket) -> None:
    earlier = ws.observe("reset", seed=5)["metadata"]["episode_id"]
    ws.observe("reset", seed=8)
    events = http.get(f"/episodes/{earlier}/events").json()
    assert [event["kind"] for event in events] == ["reset", "expire"]
    assert events[-1]["payload"]["reason"] == "abandoned"


def test_a_step_on_an_abandoned_episode_shows_its_end(http: httpx.Client, ws: Socket) -> None:
    earlier = ws.observe("reset", task_id="medium", seed=5)["metadata"]["episode_id"]
    ws.observe("reset", seed=8)
    body = accepted(http.post("/step", json={"episode_id": earlier, "action": {"action_type": "read_config"}}))
    assert (body["done"], body["reward"], body["info"]["truncated"]) == (True, 0.0, True)
    assert (body["info"]["score"], body["info"]["brier"], body["info"]["breakdown"]) == (0.01, None, None)
    assert body["info"]["seed"] == 5
    assert body["info"]["investigation"]["steps"] == 0


def test_another_reset_after_the_end_adds_nothing_to_the_ended_episode(http: httpx.Client, ws: Socket) -> None:
    ended = ws.observe("reset", seed=5)["metadata"]["episode_id"]
    ws.observe("step", **WRONG_DIAGNOSIS)
    ws.observe("reset", seed=8)
    events = http.get(f"/episodes/{ended}/events").json()
    assert [event["kind"] for event in events] == ["reset", "submit"]


def test_a_reset_that_names_the_sockets_own_episode_never_closes_it(http: httpx.Client, ws: Socket) -> None:
    first = ws.observe("reset", seed=5, episode_id="own-episode")
    assert ws.observe("reset", seed=5, episode_id="own-episode") == first
    assert state_of(http, "own-episode")["done"] is False


def test_a_reset_that_names_the_sockets_own_stepped_episode_is_refused_and_leaves_it_open(ws: Socket) -> None:
    ws.observe("reset", seed=5, episode_id="own-stepped")
    ws.observe("step", action_type="read_config")
    assert ws.error("reset", seed=5, episode_id="own-stepped")["problem"]["code"] == "episode_exists"
    assert ws.state()["done"] is False
    assert ws.observe("step", action_type="read_logs")["metadata"]["version"] == 3


def test_a_repeated_reset_on_a_new_socket_goes_on_with_the_episode(server: ServerProcess, ws: Socket) -> None:
    first = ws.observe("reset", seed=5, episode_id="begun-elsewhere")
    with open_socket(server.socket_url) as other:
        assert other.observe("reset", seed=5, episode_id="begun-elsewhere") == first
        assert other.observe("step", action_type="read_config")["metadata"]["episode_id"] == "begun-elsewhere"


def test_sockets_play_episodes_of_their_own(server: ServerProcess, ws: Socket) -> None:
    with open_socket(server.socket_url) as other:
        mine = ws.observe("reset", seed=5)["metadata"]["episode_id"]
        theirs = other.observe("reset", seed=5)["metadata"]["episode_id"]
        assert ws.observe("step", action_type="read_config")["metadata"]["episode_id"] == mine
        assert other.state()["episode_id"] == theirs
        assert other.state()["step_count"] == 0


def test_reading_order_is_answering_order(ws: Socket) -> None:
    ws.send("reset", task_id="hard", seed=5)
    for index in range(10):
        ws.send("step", action_type="read_logs", log_filter=f"epoch:{index}")
    ws.connection.send("{")
    ws.send("state")
    answers = [ws.receive() for _ in range(13)]
    assert [answer["type"] for answer in answers] == ["observation"] * 11 + ["error", "state"]
    assert [answer["data"]["metadata"]["version"] for answer in answers[:11]] == list(range(1, 12))
    filters = [answer["data"]["observation"]["last_action_result"]["filter"] for answer in answers[1:11]]
    assert filters == [f"epoch:{index}" for index in range(10)]


def test_a_drawn_seed_is_shown_only_after_the_end(ws: Socket) -> None:
    assert "seed" not in ws.observe("reset")["metadata"]
    assert isinstance(ws.observe("step", action_type="submit_diagnosis")["metadata"]["seed"], int)


def test_an_error_of_one_socket_is_no_error_of_rest(http: httpx.Client, ws: Socket) -> None:
    episode_id = ws.observe("reset", seed=5)["metadata"]["episode_id"]
    ws.connection.send(json.dumps({"type": "dance"}))
    assert error_of(ws.receive())["code"] == "UNKNOWN_TYPE"
    assert state_of(http, episode_id)["step_count"] == 0
    assert_problem(http.get("/state", params={"episode_id": "nobody"}), 404, "unknown_episode")


def test_abandon_ends_the_open_episode_and_answers_with_its_state_each_time(http: httpx.Client, ws: Socket) -> None:
    episode_id = ws.observe("reset", seed=5)["metadata"]["episode_id"]
    for _ in range(2):
        ws.connection.send('{"type": "abandon"}')
        answer = json.loads(ws.connection.recv())
        assert (answer["type"], answer["data"]["done"], answer["data"]["score"]) == ("state", True, 0.01)
    kinds = [
        (each["kind"], (each["payload"] or {}).get("reason"))
        for each in http.get(f"/episodes/{episode_id}/events").json()
    ]
    assert kinds == [("reset", None), ("expire", "abandoned")]


def test_abandon_before_a_reset_is_refused(ws: Socket) -> None:
    ws.connection.send('{"type": "abandon"}')
    assert json.loads(ws.connection.recv())["data"]["code"] == "EPISODE_NOT_STARTED"
