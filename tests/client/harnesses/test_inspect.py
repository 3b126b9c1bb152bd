"""The task of Inspect AI, played with Inspect's own mock model: what a model does, and does not do, becomes a score."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.client.harnesses.test_tool_episode import RIGHT
from tests.e2e.running import ServerProcess, environment

pytestmark = [pytest.mark.harness, pytest.mark.slow]

Call = tuple[str, dict[str, Any]] | None
"""None: the model says something and calls no tool."""
SCRIPT = """
import json, sys
from inspect_ai import eval
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from mlops_debug_env.harnesses.inspect_tasks import diagnosis

suite, folder, calls = json.loads(sys.stdin.read())
outputs = [ModelOutput.for_tool_call("m", *each) if each else ModelOutput.from_content("m", "Hm.") for each in calls]
for each in outputs:
    each.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
(log,) = eval(diagnosis(suite=suite), model=get_model("mockllm/model", custom_outputs=outputs), display="none", log_dir=folder)
assert log.status == "success", log.error
(sample,) = log.samples
print(json.dumps({
    "metrics": {each.name: each.value for each in log.results.scores[0].metrics.values()},
    "score": sample.scores["grade"].model_dump(mode="json"),
    "messages": [(each.role, each.text, bool(getattr(each, "error", None))) for each in sample.messages],
}))
"""


def evaluated(calls: Sequence[Call], server: ServerProcess, folder: Path) -> dict[str, Any]:
    """What Inspect says of one sample, medium with seed 5. In a process of its own: Inspect changes the interpreter it runs in."""
    pytest.importorskip("inspect_ai", reason="needs the harness inspect-ai: pip install '.[inspect]'")
    suite = folder / "one.json"
    entry = {"task_id": "medium", "seed": 5}
    suite.write_text(json.dumps({"name": "one", "generator_version": "5", "entries": [entry]}))
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps([str(suite), str(folder / "logs"), calls]),
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


def test_a_model_plays_an_episode_and_its_score_is_the_servers(server: ServerProcess, tmp_path: Path) -> None:
    calls: list[Call] = [
        ("inspect_preprocessing", {}),
        ("query_artifact", {"artifact_name": "config.yaml", "field_path": "no.such"}),
        None,
        ("run_sanity_check", {"sanity_check_type": "data_leakage"}),
        ("submit_diagnosis", RIGHT),
    ]
    found = evaluated(calls, server, tmp_path)
    assert found["score"]["value"] > 0.9
    assert found["metrics"]["mean"] == found["metrics"]["medium"] == found["score"]["value"]
    assert found["score"]["metadata"]["steps"] == 4
    roles = [role for role, *_ in found["messages"]]
    nudged = ["assistant", "user"]
    assert roles == ["system", "user", *["assistant", "tool"] * 2, *nudged, *["assistant", "tool"] * 2]
    assert [is_error for role, _, is_error in found["messages"] if role == "tool"] == [False, True, False, False]
    shown = json.dumps(found["messages"])
    assert "ground_truth" not in shown
    assert "medium-5" not in shown


def test_a_model_that_gives_up_is_in_the_mean_with_the_least_score(server: ServerProcess, tmp_path: Path) -> None:
    found = evaluated([("read_config", {}), *[None] * 4], server, tmp_path)
    assert (found["metrics"]["mean"], found["score"]["metadata"]["truncated"]) == (0.01, True)


def test_inspect_finds_the_task_by_the_name_of_the_package(tmp_path: Path) -> None:
    pytest.importorskip("inspect_ai", reason="needs the harness inspect-ai: pip install '.[inspect]'")
    code = (
        "from inspect_ai._eval.loader import load_task_spec\n"
        "(task,) = load_task_spec('mlops_debug_env/diagnosis', {'entries': 3, 'task_id': 'hard'})\n"
        "print([each.metadata['task_id'] for each in task.dataset])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.stdout.splitlines()[-1:] == ["['hard', 'hard', 'hard']"], ran.stderr
