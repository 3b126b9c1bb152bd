"""The task of Inspect AI, played with Inspect's own mock model: what a model does, and does not do, becomes a score."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.client.harnesses.test_tool_episode import RIGHT
from tests.e2e.running import ServerProcess, environment

pytestmark = [pytest.mark.harness, pytest.mark.slow]

Call = tuple[str, dict[str, Any]] | None
"""None: the model says something and calls no tool."""
PLAYS: list[Call] = [
    ("inspect_preprocessing", {}),
    ("query_artifact", {"artifact_name": "config.yaml", "field_path": "no.such"}),
    None,
    ("run_sanity_check", {"sanity_check_type": "data_leakage"}),
    ("submit_diagnosis", RIGHT),
]
GIVES_UP: list[Call] = [("read_config", {}), *[None] * 4]
SCRIPT = """
import json, sys
from inspect_ai import eval
from inspect_ai._eval.loader import load_task_spec
from inspect_ai.model import ModelOutput, ModelUsage, get_model

suite, folder, scripts = json.loads(sys.stdin.read())
found = {}
for name, calls in scripts.items():
    outputs = [ModelOutput.for_tool_call("m", *each) if each else ModelOutput.from_content("m", "Hm.") for each in calls]
    for each in outputs:
        each.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    model = get_model("mockllm/model", custom_outputs=outputs, memoize=False)
    # By the name that the command takes, so that the entry point is used.
    tasks = load_task_spec("mlops_debug_env/diagnosis", {"suite": suite})
    (log,) = eval(tasks, model=model, display="none", log_dir=folder)
    assert log.status == "success", log.error
    (sample,) = log.samples
    found[name] = {
        "metrics": {each.name: each.value for each in log.results.scores[0].metrics.values()},
        "score": sample.scores["grade"].model_dump(mode="json"),
        "messages": [(each.role, each.text, bool(getattr(each, "error", None))) for each in sample.messages],
    }
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def evaluated(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Inspect says of one sample, medium with seed 5, by what the model did. Inspect changes the interpreter it runs in, so
    it gets a process of its own."""
    pytest.importorskip("inspect_ai", reason="needs the harness inspect-ai: pip install '.[inspect]'")
    folder = tmp_path_factory.mktemp("inspect")
    suite = folder / "one.json"
    entry = {"task_id": "medium", "seed": 5}
    suite.write_text(json.dumps({"name": "one", "generator_version": "5", "entries": [entry]}))
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps([str(suite), str(folder / "logs"), {"plays": PLAYS, "gives up": GIVES_UP}]),
        env=environment(MLOPS_DEBUG_URL=server.url),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def test_a_model_plays_an_episode_and_its_score_is_the_servers(evaluated: dict[str, Any]) -> None:
    found = evaluated["plays"]
    assert found["score"]["value"] > 0.9
    assert found["metrics"]["mean"] == found["metrics"]["medium"] == found["score"]["value"]
    assert found["score"]["metadata"]["steps"] == 4


def test_the_model_is_shown_refusals_and_asked_for_a_call_and_told_neither_seed_nor_truth(
    evaluated: dict[str, Any],
) -> None:
    messages = evaluated["plays"]["messages"]
    nudged = ["assistant", "user"]
    played = [*["assistant", "tool"] * 2, *nudged, *["assistant", "tool"] * 2]
    assert [role for role, *_ in messages] == ["system", "user", *played]
    assert [is_error for role, _, is_error in messages if role == "tool"] == [False, True, False, False]
    assert "ground_truth" not in json.dumps(messages)
    assert "medium-5" not in json.dumps(messages)


def test_a_model_that_gives_up_is_in_the_mean_with_the_least_score(evaluated: dict[str, Any]) -> None:
    found = evaluated["gives up"]
    assert (found["metrics"]["mean"], found["score"]["metadata"]["truncated"]) == (0.01, True)
