"""The limit on messages: older results become readable summaries, and nothing is cut in the middle."""

from __future__ import annotations

import json

import pytest

from mlops_debug_env.agents.llm.chat_history import ChatHistory, estimated_tokens
from mlops_debug_env.protocol.actions import ReadArtifact, ReadLogs, RunExperiment, RunSanityCheck
from mlops_debug_env.protocol.observations import Observation, ResetObservation, parse_result
from tests.served import Served


@pytest.fixture
async def first(served: Served) -> ResetObservation:
    observation = parse_result(await served.reset(episode_id="e", task_id="easy", seed=1)).observation
    assert isinstance(observation, ResetObservation)
    return observation


def shown(first: ResetObservation, step: int, **result: object) -> Observation:
    result_body = {"status": "ok", **result}
    body = first.model_dump(exclude={"field_registry", "task_description", "run_id", "run_summary"})
    body |= {"last_action_result": result_body, "step_count": step}
    return Observation.model_validate(body)


def test_older_results_are_folded_and_the_newest_is_whole(first: ResetObservation) -> None:
    history = ChatHistory("s", with_tools=True, max_tokens=6000)
    history.start_episode(first)
    content = "\n".join(f'line {number} {{"x": 1}}' for number in range(150))
    for step in range(1, 12):
        history.add_action(ReadLogs(log_filter=f"epoch:{step}"))
        history.add_result(shown(first, step, artifact="train.log", filter=f"epoch:{step}", content=content))
    messages = history.messages()
    results = [each["content"] for each in messages if each["role"] == "tool"]
    assert content in results[-1]
    folded = json.loads(results[0])
    assert (folded["folded"], folded["lines"], folded["filter"]) == (True, 150, "epoch:1")
    assert sum(estimated_tokens(json.dumps(each)) for each in messages) <= 6000
    print(f"{history.folded_results} of 11 results folded")


def test_what_a_check_found_survives_folding(first: ResetObservation) -> None:
    history = ChatHistory("s", with_tools=False, max_tokens=2000)
    history.start_episode(first)
    check = {"check": "data_leakage", "flag": True, "reasons": ("overlap is 0.3",), "measured": {"x": [0.1] * 3000}}
    history.add_action(RunSanityCheck(sanity_check_type="data_leakage"))
    history.add_result(shown(first, 1, sanity_check=check))
    history.add_action(ReadArtifact(artifact_name="model_card.json"))
    history.add_result(shown(first, 2, artifact="model_card.json", content="{}"))
    folded = json.loads(history.messages()[3]["content"])
    assert folded["flag"] is True
    assert folded["reasons"] == ["overlap is 0.3"]


def test_the_numbers_of_a_check_that_only_measures_survive_folding(first: ResetObservation) -> None:
    history = ChatHistory("s", with_tools=False, max_tokens=2000)
    history.start_episode(first)
    measured = {f"share_{number}": 0.25 for number in range(400)}
    check = {"check": "data_leakage", "flag": None, "reasons": None, "measured": measured}
    history.add_action(RunSanityCheck(sanity_check_type="data_leakage"))
    history.add_result(shown(first, 1, sanity_check=check))
    history.add_action(ReadArtifact(artifact_name="model_card.json"))
    history.add_result(shown(first, 2, artifact="model_card.json", content="{}"))
    folded = json.loads(history.messages()[3]["content"])
    assert folded["measured"].startswith('{"share_0":0.25,"share_1":0.25,')
    assert len(folded["measured"]) <= 1001


def test_what_an_experiment_measured_survives_folding_without_its_log(first: ResetObservation) -> None:
    scores = {"accuracy": 0.8, "loss": 0.5}
    experiment = {
        "number": 1,
        "patch": (),
        "status": "finished",
        "log_tail": ("x" * 20_000,),
        "metrics": {"train": scores, "validation": scores, "by_source": {}},
    }
    history = ChatHistory("s", with_tools=False, max_tokens=2000)
    history.start_episode(first)
    history.add_action(RunExperiment())
    history.add_result(shown(first, 1, experiment=experiment))
    history.add_action(ReadArtifact(artifact_name="model_card.json"))
    history.add_result(shown(first, 2, artifact="model_card.json", content="{}"))
    folded = json.loads(history.messages()[3]["content"])
    assert folded["experiment"]["metrics"]["validation"] == scores
    assert "log_tail" not in folded["experiment"]


def test_one_result_that_is_too_long_alone_keeps_whole_lines_from_both_ends(first: ResetObservation) -> None:
    history = ChatHistory("s", with_tools=True, max_tokens=3000)
    history.start_episode(first)
    content = "\n".join(f"line {number}" for number in range(5000))
    history.add_action(ReadLogs())
    history.add_result(shown(first, 1, artifact="train.log", filter=None, content=content))
    lines = history.messages()[-1]["content"].splitlines()
    assert lines[1] == "line 0"
    assert lines[-2] == "line 4999"
    (note,) = [line for line in lines if "left out" in line]
    kept = [line for line in lines if line.startswith("line ")]
    assert note.startswith(f"[{5000 - len(kept)} lines left out")


def test_folded_messages_do_not_change_at_every_turn(first: ResetObservation) -> None:
    history = ChatHistory("s", with_tools=True, max_tokens=8000)
    history.start_episode(first)
    starts = []
    for step in range(1, 20):
        history.add_action(ReadLogs(log_filter=str(step)))
        history.add_result(shown(first, step, artifact="train.log", filter=str(step), content="word " * 300))
        starts.append(json.dumps(history.messages()[:6]))
    assert len(set(starts[4:])) <= 4, "a provider's cache of the beginning would never hit"
