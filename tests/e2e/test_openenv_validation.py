"""OpenEnv's own validator finds nothing to fail, on the checkout and on a running server; its runtime graders pass."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from domain.actions import action_schema
from domain.rubric import RUBRIC
from domain.tasks.splits import SPLITS
from tests.e2e.playing import Episode, accepted
from tests.e2e.running import ROOT, ServerProcess, environment

validation: Any = pytest.importorskip("openenv.validation", reason="needs the extra openenv")
runner: Any = pytest.importorskip("openenv.validation.runner")
collector: Any = pytest.importorskip("openenv.validation.runtime.collector")
contracts: Any = pytest.importorskip("openenv.validation.runtime.contracts")

pytestmark = pytest.mark.openenv

DECLARED = yaml.safe_load((ROOT / "openenv.yaml").read_text())["validation"]
RUNTIME_CHECKS = ("runtime.reward_well_formed", "runtime.observation_schema", "runtime.state_contract")


def openenv(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from openenv.cli.__main__ import main; main()", "validate", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=120, check=False
    )


def test_a_running_server_passes(server: ServerProcess, tmp_path: Path) -> None:
    ran = openenv("--url", server.url, folder=tmp_path)
    print(ran.stdout)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "FAIL" not in ran.stdout
    assert ran.stdout.count("PASS") == 7  # six criteria and the verdict


@pytest.mark.parametrize("manifest", [ROOT / "openenv.yaml", ROOT / "mlops_debug_env" / "openenv.yaml"])
def test_the_static_checks_pass(manifest: Path, tmp_path: Path) -> None:
    # A copy of what they read: a checkout may hold what a package does not, such as links of an environment.
    (tmp_path / "openenv.yaml").write_text(manifest.read_text())
    ran = openenv(".", "--level", "static", folder=tmp_path)
    print(ran.stdout)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "PASS  static.manifest" in ran.stdout
    assert "Verdict: PASS" in ran.stdout


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the sockets that the validator uses
def test_the_runtime_graders_pass(own_server: ServerProcess) -> None:
    """Driven over the socket, as the validator's collector does it, without the container that it would build."""
    manifest = runner.default_parser_registry().parser_for(validation.SignatureKind.OPENENV_SERVED).parse(ROOT)
    plan = contracts.load_runtime_plan(ROOT, manifest.execution)
    evidence = collector.collect_runtime_evidence(own_server.url, plan, episode_timeout_s=120.0)
    assert evidence.failure_reason is None
    assert [each.operation for each in evidence.exchanges].count("step") == len(plan.actions)
    assert json.loads(evidence.exchanges[-2].response_json)["data"]["done"] is True
    subject = runner.Subject(
        root=ROOT, manifest=manifest, image_ref=None, running=None, outputs_dir=ROOT, runtime_evidence=evidence
    )
    registry = runner.default_grader_registry(runner.load_policy("v2"))
    for check in RUNTIME_CHECKS:
        result = registry.get(check).run(subject)
        print(check, result.status.value, result.evidence)
        assert result.status.value == "pass", result.evidence


def test_what_is_declared_is_so() -> None:
    capabilities = DECLARED["capabilities"]
    assert set(capabilities["declared_tools"]) == set(action_schema()["discriminator"]["mapping"])
    assert capabilities["declared_task_count"] == {name: split.task_count for name, split in SPLITS.items()}
    low, high = DECLARED["reward"]["range"]
    assert (low, high) == (RUBRIC.repeated_read_reward, RUBRIC.highest_score)


@pytest.mark.parametrize("task_id", ["easy", "medium", "hard", "expert"])
def test_the_oracle_reaches_the_best_reward(server: ServerProcess, task_id: str) -> None:
    script = ROOT / DECLARED["capabilities"]["oracle"]["location"]
    command = [sys.executable, str(script), server.url, task_id, "21"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    reward = json.loads(ran.stdout)["reward"]
    print(task_id, reward)
    assert reward >= DECLARED["reward"]["range"][1] - DECLARED["reward"]["oracle_tolerance"]


CANARIES = json.loads((ROOT / DECLARED["capabilities"]["canaries"]).read_text())["canaries"]


@pytest.mark.parametrize("canary", CANARIES, ids=[each["name"] for each in CANARIES])
def test_a_canary_earns_nothing(http: httpx.Client, canary: dict[str, Any]) -> None:
    episode = Episode(http, **canary["reset"])
    for action in canary["actions"]:
        accepted(episode.post(action))
    state = episode.state()
    assert state["done"]
    print(canary["name"], state["total_reward"])
    assert state["total_reward"] <= canary["total_reward_at_most"]
