"""Plays episodes over REST and WebSocket, and holds every answer to strict JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx
from websockets.sync.client import ClientConnection, connect

Json = dict[str, Any]

# Each task with the fault that seed 5 plants in it.
TASKS = {"easy": "dropout_too_high", "medium": "data_leakage_scaler", "hard": "sentinel_impute"}
OF_ONE_TABLE = ("easy", "medium")
OF_SEVERAL_SOURCES = ("hard", "expert")
"""Tasks by the family of their runs."""
MAX_STEPS = {"easy": 20, "medium": 30, "hard": 16}
MAX_EXPERIMENTS = {"easy": 1, "medium": 2, "hard": 3}
ARTIFACTS = (
    "config.yaml",
    "train.log",
    "dataset_stats.json",
    "preprocessing.py",
    "eval_results.json",
    "model_card.json",
)
CHECKS = (
    "label_consistency",
    "data_leakage",
    "gradient_norms",
    "class_balance",
    "feature_statistics",
    "encoder_version_match",
    "loss_trajectory",
    "metric_gap_analysis",
)
SHORT_READS = {
    "read_config": "config.yaml",
    "check_dataset_stats": "dataset_stats.json",
    "inspect_preprocessing": "preprocessing.py",
    "read_eval_results": "eval_results.json",
    "read_logs": "train.log",
}
POINTS = {"failure_category": 0.15, "root_cause_file": 0.25, "root_cause_field": 0.30, "proposed_fix": 0.30}
PARTS = tuple(POINTS)
READS = ("read_config", "read_logs", "inspect_preprocessing")
REFUSED_QUERY: Final[Json] = {
    "action_type": "query_artifact",
    "artifact_name": "config.yaml",
    "field_path": "no.such.field",
}
WRONG_DIAGNOSIS: Final[Json] = {
    "action_type": "submit_diagnosis",
    "failure_category": "label_mismatch",
    "root_cause_file": "model_card.json",
    "root_cause_field": "model_card.license",
    "diagnosis": "The licence is wrong.",
    "proposed_fix": "Choose another licence.",
    "confidence": 0.9,
}


def strict_json(text: str | bytes) -> Any:
    """Parse JSON, refusing the NaN and Infinity that Python would let through."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON number")

    return json.loads(text, parse_constant=refuse)


def accepted(response: httpx.Response) -> Json:
    """The body of a response that must be 200."""
    assert response.status_code == 200, response.text
    body: Json = strict_json(response.content)
    return body


def assert_problem(response: httpx.Response, status: int, code: str) -> Json:
    """Pin the one error body of the whole API, and return it."""
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json"), (
        response.text
    )
    problem: Json = strict_json(response.content)
    assert {"type", "title", "status", "code", "detail"} <= set(problem)
    assert (problem["type"], problem["status"], problem["code"]) == ("about:blank", status, code), problem
    assert problem["title"]
    assert problem["detail"].strip()
    return problem


def open_client(url: str) -> httpx.Client:
    """A REST client with an empty cookie jar; without certificates, whose loading takes longer than a test."""
    return httpx.Client(base_url=url, trust_env=False, verify=False, timeout=30.0)


class Episode:
    """One episode over REST, named in the body of every call."""

    def __init__(self, http: httpx.Client, **parameters: Any) -> None:
        self.http = http
        self.first = accepted(http.post("/reset", json=parameters))
        self.id: str = self.first["info"]["episode_id"]

    def post(self, action: Json, **outer: Any) -> httpx.Response:
        return self.http.post("/step", json={"episode_id": self.id, "action": action, **outer})

    def play(self, action: Json, **outer: Any) -> Json:
        return accepted(self.post(action, **outer))

    def step(self, action_type: str, **parameters: Any) -> Json:
        return self.play({"action_type": action_type, **parameters})

    def result(self, action_type: str, **parameters: Any) -> Json:
        found: Json = self.step(action_type, **parameters)["observation"]["last_action_result"]
        return found

    def text_of(self, artifact_name: str) -> str:
        text: str = self.result("read_artifact", artifact_name=artifact_name)["content"]
        return text

    def state(self) -> Json:
        return accepted(self.http.get("/state", params={"episode_id": self.id}))

    def events(self) -> list[Json]:
        response = self.http.get(f"/episodes/{self.id}/events")
        assert response.status_code == 200, response.text
        events: list[Json] = strict_json(response.content)
        return events

    def play_to_the_limit(self) -> Json:
        """Refused queries until the step limit; the answer of the last one."""
        left = self.first["info"]["max_steps"] - self.state()["step_count"]
        answers = [self.play(REFUSED_QUERY) for _ in range(left)]
        return answers[-1]


def truth_of(http: httpx.Client, task_id: str, seed: int) -> Json:
    """What an episode in practice mode reveals after a diagnosis that says nothing."""
    ended = Episode(http, task_id=task_id, seed=seed).step("submit_diagnosis")
    truth: Json = ended["info"]["ground_truth"]
    return truth


def diagnosis_from(truth: Json, **changes: Any) -> Json:
    """The revealed truth as an action, without the two keys that are no part of a diagnosis."""
    parts = {key: value for key, value in truth.items() if key not in {"fault_id", "accepted"}}
    return {"action_type": "submit_diagnosis", **parts, **changes}


def right_diagnosis(http: httpx.Client, task_id: str = "medium", **changes: Any) -> Json:
    return diagnosis_from(truth_of(http, task_id, 5), **changes)


def investigated(http: httpx.Client, task_id: str = "medium", seed: int = 5) -> Episode:
    """An episode in which three artifacts were read, so that the penalty for fewer does not apply."""
    episode = Episode(http, task_id=task_id, seed=seed)
    for action_type in READS:
        episode.step(action_type)
    return episode


def awarded(body: Json) -> dict[str, float]:
    """The points of each part of a graded diagnosis."""
    return {part: body["info"]["breakdown"][part]["awarded"] for part in PARTS}


class Socket:
    """One WebSocket: a frame out, a frame in."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def send(self, frame_type: str, **data: Any) -> None:
        self.connection.send(json.dumps({"type": frame_type, "data": data}))

    def receive(self) -> Json:
        frame: Json = strict_json(self.connection.recv(timeout=20))
        assert set(frame) == {"type", "data"}
        return frame

    def ask_text(self, text: str) -> Json:
        self.connection.send(text)
        return self.receive()

    def ask(self, frame_type: str, **data: Any) -> Json:
        """Send one frame and return the answer, whatever it is."""
        self.send(frame_type, **data)
        return self.receive()

    def observe(self, frame_type: str, **data: Any) -> Json:
        """Send a reset or step and return the data of the observation it must give."""
        frame = self.ask(frame_type, **data)
        assert frame["type"] == "observation", frame
        observed: Json = frame["data"]
        return observed

    def state(self) -> Json:
        frame = self.ask_text('{"type": "state"}')
        assert frame["type"] == "state", frame
        state: Json = frame["data"]
        return state

    def error(self, frame_type: str, **data: Any) -> Json:
        return error_of(self.ask(frame_type, **data))


def error_of(frame: Json) -> Json:
    """The data of an error frame."""
    assert frame["type"] == "error", frame
    error: Json = frame["data"]
    assert error["message"]
    assert error["code"]
    return error


@contextmanager
def open_socket(url: str) -> Iterator[Socket]:
    with connect(url, proxy=None, open_timeout=20) as connection:
        yield Socket(connection)
