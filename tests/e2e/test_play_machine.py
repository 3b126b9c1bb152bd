"""Random play, legal and illegal, over REST and WebSocket in turns, against a model of what the wire's table says.

``MLOPS_DEBUG_TEST_PLAYS`` sets the number of plays; each has up to 40 actions.
"""

from __future__ import annotations

import itertools
import os
import secrets
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.e2e.playing import ARTIFACTS, CHECKS, MAX_EXPERIMENTS, MAX_STEPS, Socket, open_client, open_socket
from tests.e2e.running import ServerProcess

PLAYS = int(os.environ.get("MLOPS_DEBUG_TEST_PLAYS", "25"))
FILTERS = (None, "", "epoch:1-2", " EPOCH:1-2 ", "loss", "(a+)+$")
UNTRAINABLE = [{"file": "config.yaml", "field": "model.dropout", "value": 3}]
ILLEGAL: tuple[Any, ...] = (
    {},
    {"action_type": "drop_tables"},
    {"action_type": "read_config", "sudo": True},
    {"action_type": "read_artifact"},
    {"action_type": "read_artifact", "artifact_name": "config.yaml", "log_filter": "loss"},
    {"action_type": "run_sanity_check", "sanity_check_type": "all"},
    {"action_type": "submit_diagnosis", "confidence": 1.5},
    {"action_type": "query_artifact", "artifact_name": "train.log", "field_path": ""},
    {"action_type": "submit_diagnosis", "patch": []},
    {"action_type": "run_experiment", "patch": UNTRAINABLE * 3},
)


class Model:
    """What the episode must be."""

    def __init__(self, task_id: str, reward_mode: str) -> None:
        self.is_shaped = reward_mode == "shaped"
        self.max_steps = MAX_STEPS[task_id]
        self.experiments_left = MAX_EXPERIMENTS[task_id]
        self.steps = 0
        self.artifacts: list[str] = []
        self.checks: list[str] = []
        self.reads: set[tuple[str, str | None]] = set()
        self.total = 0.0
        self.is_done = False
        self.score: float | None = None

    def worth(self, action: dict[str, Any]) -> float:
        """What the step earns by its kind, and what is known after it."""
        kind, name = action["action_type"], action.get("artifact_name")
        if kind == "read_artifact":
            read = (str(name), (action.get("log_filter") or "").strip().lower() or None)
            earned = 0.02 if name not in self.artifacts else -0.02 if read in self.reads else 0.0
            self.reads.add(read)
            self._know(str(name))
            return earned
        if kind == "query_artifact" and action["field_path"] == "optimizer.momentum":
            earned = 0.0 if name in self.artifacts else 0.02
            self._know(str(name))
            return earned
        if kind == "run_sanity_check":
            is_new = action["sanity_check_type"] not in self.checks
            if is_new:
                self.checks.append(action["sanity_check_type"])
            return 0.01 if is_new else 0.0
        if kind == "run_experiment" and action.get("patch") != UNTRAINABLE:
            self.experiments_left = max(0, self.experiments_left - 1)
        return 0.0

    def step(self, action: dict[str, Any]) -> float:
        earned = self.worth(action) if self.is_shaped else self.worth(action) * 0
        self.steps += 1
        if self.steps == self.max_steps:
            earned += 0.01
            self.is_done, self.score = True, 0.01
        self.total = round(self.total + earned, 4)
        return round(earned, 4)

    def _know(self, name: str) -> None:
        if name not in self.artifacts:
            self.artifacts.append(name)


class Play(RuleBasedStateMachine):
    """One episode of one session, reached in two ways."""

    url: str
    numbers = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.key = f"machine-{secrets.token_hex(8)}"
        self.http: httpx.Client = open_client(f"{self.url}/sessions/{self.key}/")
        self.opened = ExitStack()
        self.socket = self._connected()
        self.model: Model
        self.last: tuple[str, dict[str, Any], Any] | None = None

    def teardown(self) -> None:
        self.opened.close()
        self.http.close()

    @initialize(
        task_id=st.sampled_from(tuple(MAX_STEPS)),
        reward_mode=st.sampled_from(("shaped", "sparse")),
        seed=st.integers(1, 3),
    )
    def begin(self, task_id: str, reward_mode: str, seed: int) -> None:
        response = self.http.post("reset", json={"task_id": task_id, "seed": seed, "reward_mode": reward_mode})
        assert response.status_code == 200, response.text
        self.model = Model(task_id, reward_mode)

    @precondition(lambda self: not self.model.is_done)
    @rule(
        action=st.one_of(
            st.builds(lambda name: {"action_type": "read_artifact", "artifact_name": name}, st.sampled_from(ARTIFACTS)),
            st.builds(
                lambda text: {"action_type": "read_artifact", "artifact_name": "train.log", "log_filter": text},
                st.sampled_from(FILTERS),
            ),
            st.builds(
                lambda path: {"action_type": "query_artifact", "artifact_name": "config.yaml", "field_path": path},
                st.sampled_from(("optimizer.momentum", "no.such", "optimizer.momentum.x")),
            ),
            st.builds(
                lambda patch: {"action_type": "run_experiment", "patch": patch}, st.sampled_from((None, UNTRAINABLE))
            ),
            st.builds(
                lambda check: {"action_type": "run_sanity_check", "sanity_check_type": check}, st.sampled_from(CHECKS)
            ),
        ),
        over_socket=st.booleans(),
    )
    def act(self, action: dict[str, Any], over_socket: bool) -> None:
        request_id = f"r-{next(self.numbers)}"
        answered = self._sent(action, request_id, over_socket)
        assert answered["reward"] == pytest.approx(self.model.step(action), abs=1e-9)
        assert answered["done"] == self.model.is_done
        assert answered["metadata"]["step_count"] == self.model.steps
        assert answered["observation"]["experiments_left"] == self.model.experiments_left
        self.last = (request_id, action, answered)

    @precondition(lambda self: self.last is not None)
    @rule(over_socket=st.booleans())
    def send_again(self, over_socket: bool) -> None:
        assert self.last is not None
        request_id, action, answered = self.last
        assert self._sent(action, request_id, over_socket) == answered

    @rule(action=st.sampled_from(ILLEGAL), over_socket=st.booleans())
    def break_the_schema(self, action: dict[str, Any], over_socket: bool) -> None:
        if over_socket:
            assert self.socket.ask("step", **action)["data"]["code"] == "VALIDATION_ERROR"
        else:
            assert self.http.post("step", json={"action": action}).status_code == 422

    @precondition(lambda self: not self.model.is_done)
    @rule(off=st.sampled_from((-1, 1, 5)), over_socket=st.booleans())
    def expect_another_version(self, off: int, over_socket: bool) -> None:
        wrong = max(0, self._version() + off)
        # With a request id: without one, the first step of a new socket may be the latest one again.
        beside = {"expected_version": wrong, "request_id": f"r-{next(self.numbers)}"}
        read = {"action_type": "read_config", "metadata": beside}
        if over_socket:
            data = self.socket.ask("step", **read)["data"]
            assert data["problem"]["actual_version"] == self._version()
        else:
            assert self.http.post("step", json={"action": read}).status_code == 409

    @precondition(lambda self: self.last is not None)
    @rule()
    def use_a_request_id_for_something_else(self) -> None:
        assert self.last is not None
        other = {"action_type": "query_artifact", "artifact_name": "model_card.json", "field_path": "another"}
        assert self.http.post("step", json={"action": other, "request_id": self.last[0]}).status_code == 409

    @precondition(lambda self: not self.model.is_done and self.model.steps > 3)
    @rule(over_socket=st.booleans())
    def submit(self, over_socket: bool) -> None:
        answered = self._sent({"action_type": "submit_diagnosis"}, f"r-{next(self.numbers)}", over_socket)
        self.model.steps += 1
        self.model.is_done, self.model.score = True, answered["metadata"]["score"]
        self.model.total = round(self.model.total + answered["reward"], 4)
        assert (answered["done"], answered["reward"]) == (True, self.model.score)

    @precondition(lambda self: self.model.is_done)
    @rule(over_socket=st.booleans())
    def go_on_after_the_end(self, over_socket: bool) -> None:
        answered = self._sent({"action_type": "read_config"}, f"r-{next(self.numbers)}", over_socket)
        assert (answered["done"], answered["reward"]) == (True, 0.0)

    @rule()
    def connect_anew(self) -> None:
        self.opened.close()
        self.socket = self._connected()

    @invariant()
    def the_state_is_the_models(self) -> None:
        state = self.http.get("state").json()
        assert state == self.socket.state()
        assert state["step_count"] == self.model.steps
        assert state["artifacts_read"] == self.model.artifacts
        assert state["checks_run"] == self.model.checks
        assert state["total_reward"] == pytest.approx(self.model.total, abs=1e-9)
        assert (state["done"], state["score"]) == (self.model.is_done, self.model.score)

    def _connected(self) -> Socket:
        return self.opened.enter_context(open_socket(f"{self.url.replace('http', 'ws', 1)}/sessions/{self.key}/ws"))

    def _version(self) -> int:
        return 1 + self.model.steps

    def _sent(self, action: dict[str, Any], request_id: str, over_socket: bool) -> dict[str, Any]:
        if over_socket:
            frame = self.socket.ask("step", **action, metadata={"request_id": request_id})
            assert frame["type"] == "observation", frame
            data: dict[str, Any] = frame["data"]
            return data
        response = self.http.post("step", json={"action": action, "request_id": request_id})
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        assert body.pop("info") == body["metadata"]
        return body


@pytest.mark.slow
def test_random_play_is_what_the_table_says(server: ServerProcess) -> None:
    Play.url = server.url
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Play,
        settings=settings(
            max_examples=PLAYS, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
    assert "Traceback" not in server.output
