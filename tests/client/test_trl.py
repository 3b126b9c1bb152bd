"""The TRL environment, looked at as ``GRPOTrainer`` looks at it, and played against a real server process."""

from __future__ import annotations

import inspect
import json
import re
import threading
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_debug_env.agents.llm.chat_history import ChatHistory
from mlops_debug_env.protocol.actions import ReadLogs, action_schema
from mlops_debug_env.protocol.errors import ServerUnreachableError
from mlops_debug_env.protocol.observations import ResetObservation
from mlops_debug_env.transport.sync_client import SyncDebugClient
from mlops_debug_env.trl import API_KEY_VARIABLE, URL_VARIABLE, MlopsDebugToolEnv, ToolError
from tests.e2e.running import ServerProcess, free_port

NOT_TOOLS = ("reset", "get_reward")
ANSWER: dict[str, Any] = {
    "failure_category": "data_leakage",
    "root_cause_file": "preprocessing.py",
    "root_cause_field": "StandardScaler.fit_transform",
    "diagnosis": "The scaler was fitted on all rows.",
    "proposed_fix": "Fit it on the training rows.",
    "confidence": 0.9,
    "patch": [{"file": "preprocessing.py", "field": "StandardScaler.fit_transform", "value": "train"}],
}


def tools() -> dict[str, Any]:
    """As TRL finds them: the public functions of the class, without the two that it calls itself."""
    members = inspect.getmembers(MlopsDebugToolEnv, predicate=inspect.isfunction)
    return {name: member for name, member in members if not name.startswith("_") and name not in NOT_TOOLS}


def test_there_is_one_tool_for_each_action_and_no_other() -> None:
    # A list of diagnoses has a tool of its own: a model would fill in both shapes of one.
    assert sorted({*tools()} - {"submit_diagnoses"}) == sorted(action_schema()["discriminator"]["mapping"])


@pytest.mark.parametrize("name", sorted(tools()))
def test_a_tool_is_typed_and_documented_in_googles_style(name: str) -> None:
    method = tools()[name]
    doc = inspect.getdoc(method) or ""
    hints = typing.get_type_hints(method)
    parameters = [each for each in inspect.signature(method).parameters if each != "self"]
    assert set(parameters) | {"return"} == set(hints)
    assert hints["return"] is str
    assert "\n\nReturns:\n" in doc
    arguments = doc.partition("Args:\n")[2].partition("\n\n")[0]
    assert re.findall(r"^ {4}(\w+): \S", arguments, flags=re.MULTILINE) == parameters


@pytest.mark.parametrize("name", sorted(tools()))
def test_a_tool_takes_the_parameters_of_its_action(name: str) -> None:
    schema = action_schema()
    reference = schema["discriminator"]["mapping"][name.replace("noses", "nosis")].rpartition("/")[2]
    wanted = set(schema["$defs"][reference]["properties"]) - {"action_type", "metadata"}
    if name.startswith("submit"):
        wanted = {"diagnoses"} if name == "submit_diagnoses" else wanted - {"diagnoses"}
    assert set(inspect.signature(tools()[name]).parameters) - {"self"} == wanted


def test_it_is_made_without_arguments_and_before_the_server_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv(URL_VARIABLE, url)
    monkeypatch.setattr("mlops_debug_env.transport.retry.FIRST_DELAY_SECONDS", 0.001)
    env = MlopsDebugToolEnv()
    with pytest.raises(ServerUnreachableError, match=url):
        env.reset(prompt="", index=0)
    env._closer()


@pytest.fixture
def env(server: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlopsDebugToolEnv]:
    monkeypatch.setenv(URL_VARIABLE, server.url)
    monkeypatch.delenv(API_KEY_VARIABLE, raising=False)
    env = MlopsDebugToolEnv()
    yield env
    env._closer()


def test_a_rollout_is_rewarded_with_what_it_earned(env: MlopsDebugToolEnv) -> None:
    opening = env.reset(prompt=[{"role": "user", "content": ""}], task_id="medium", seed=5)
    assert "StandardScaler.fit_transform (one of train|all)" in opening
    assert env.get_reward() == 0.0
    assert "optimizer" in env.read_config()
    assert "[EPOCH 02]" in env.read_logs("epoch:2")
    assert json.loads(env.query_artifact("config.yaml", "optimizer.momentum").splitlines()[0])["value"] > 0
    assert '"flag":true' in env.run_sanity_check("data_leakage")
    assert "import numpy as np" in env.inspect_preprocessing()
    assert '"score":0.99' in env.submit_diagnosis(**ANSWER)
    assert env.get_reward() == pytest.approx(0.99 + 3 * 0.02 + 0.01)


def test_a_fix_may_be_an_edit_of_a_file(env: MlopsDebugToolEnv) -> None:
    for given in ("edits", "diff"):
        env.reset(task_id="easy", seed=5)
        line = next(one for one in env.read_config().splitlines() if "dropout" in one)
        replace = f"{line.partition(':')[0]}: 0.1" + "," * line.endswith(",")
        edits = [{"file": "config.yaml", "find": line, "replace": replace}]
        diff = f"--- a/config.yaml\n+++ b/config.yaml\n@@ -1 +1 @@\n-{line}\n+{replace}\n"
        env.read_logs()
        env.inspect_preprocessing()
        parts = {
            "failure_category": "architecture_bug",
            "root_cause_file": "config.yaml",
            "root_cause_field": "dropout",
        }
        shown = env.submit_diagnosis(
            **parts, diagnosis="", proposed_fix="", confidence=0.9, edits=edits if given == "edits" else diff
        )
        assert '"score":0.99' in shown


def test_an_experiment_is_a_tool(env: MlopsDebugToolEnv) -> None:
    env.reset(task_id="easy", seed=5)
    shown = json.loads(
        env.run_experiment([{"file": "config.yaml", "field": "training.epochs", "value": 9}]).splitlines()[0]
    )
    assert shown["experiment"]["metrics"]["validation"]["accuracy"] is not None
    with pytest.raises(ToolError, match="no experiment is left"):
        env.run_experiment()


def test_a_model_is_sent_what_the_llm_agent_is_sent(env: MlopsDebugToolEnv, server: ServerProcess) -> None:
    opening = env.reset(task_id="medium", seed=5)
    shown = env.read_logs("epoch:2")
    with SyncDebugClient(server.url) as client:
        first = client.reset(task_id="medium", seed=5).observation
        history = ChatHistory("", with_tools=True, max_tokens=100_000)
        assert isinstance(first, ResetObservation)
        history.start_episode(first)
        action = ReadLogs(log_filter="epoch:2")
        history.add_action(action)
        history.add_result(client.step(action).observation)
    _, told_first, _, told_then = history.messages()
    assert (opening, shown) == (told_first["content"], told_then["content"])


def test_a_list_of_diagnoses_is_for_the_expert_task_alone(env: MlopsDebugToolEnv) -> None:
    env.reset(task_id="medium", seed=5)
    with pytest.raises(ToolError, match="takes one diagnosis"):
        env.submit_diagnoses([])
    assert "nothing" in env.reset(task_id="expert", seed=5).lower()
    with pytest.raises(ToolError, match="a list of 0 to 2 entries"):
        env.submit_diagnosis(**ANSWER)
    assert '"score":0.99' in env.submit_diagnoses([])  # seed 5 is healthy
    env.reset(task_id="expert", seed=5)
    assert '"score":0.01' in env.submit_diagnoses([ANSWER])


def test_rewards_may_be_the_score_alone(env: MlopsDebugToolEnv) -> None:
    env.reset(task_id="medium", seed=5, reward_mode="sparse")
    env.read_artifact("model_card.json")
    assert env.get_reward() == 0.0
    env.submit_diagnosis(**ANSWER)
    assert env.get_reward() == pytest.approx(0.95)  # fewer than three artifacts were read


def test_rows_that_are_alike_begin_alike(env: MlopsDebugToolEnv) -> None:
    openings = [env.reset(task_id="hard", index=index) for index in (3, 3, 4)]
    assert openings[0] == openings[1] != openings[2]


def test_a_row_names_the_split_of_its_scenario(env: MlopsDebugToolEnv) -> None:
    codes = []
    for row in ({}, {"split": "train"}, {"split": "test"}):
        env.reset(task_id="hard", seed=3, **row)
        codes.append(env.inspect_preprocessing())
    assert codes[0] == codes[1] != codes[2]


def test_a_row_that_names_no_scenario_is_refused(env: MlopsDebugToolEnv) -> None:
    with pytest.raises(ValueError, match="column seed or index"):
        env.reset(prompt="diagnose")


def test_what_cannot_be_done_is_raised_and_the_rollout_goes_on(env: MlopsDebugToolEnv) -> None:
    with pytest.raises(ToolError, match="over"):
        env.read_config()
    env.reset(seed=5)
    with pytest.raises(ToolError, match="no.such.field"):
        env.query_artifact("config.yaml", "no.such.field")
    with pytest.raises(ToolError, match="artifact_name"):
        env.read_artifact("secrets.txt")  # type: ignore[arg-type]
    with pytest.raises(ToolError, match="confidence"):
        env.submit_diagnosis(**{**ANSWER, "confidence": 7})
    assert "optimizer" in env.read_config()
    env.submit_diagnosis(**ANSWER)
    with pytest.raises(ToolError, match="over"):
        env.read_config()


def test_the_socket_is_kept_from_rollout_to_rollout(env: MlopsDebugToolEnv) -> None:
    env.reset(seed=5)
    socket = env._client._client._socket._connection
    env.reset(seed=8)
    assert socket is not None
    assert env._client._client._socket._connection is socket


def test_nothing_is_left_of_an_environment_that_is_dropped(
    server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URL_VARIABLE, server.url)
    before = threading.active_count()
    env = MlopsDebugToolEnv()
    env.reset(seed=5)
    assert threading.active_count() > before
    del env
    assert threading.active_count() == before


def test_the_module_does_not_need_trl() -> None:
    import mlops_debug_env.trl as module

    assert not re.search(r"^\s*(import|from) trl\b", Path(module.__file__).read_text(), flags=re.MULTILINE)
