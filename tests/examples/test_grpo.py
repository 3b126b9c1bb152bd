"""The example trains for one step: the model calls a tool, is rewarded by the environment, and its weights move."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.running import ROOT, ServerProcess, environment

pytestmark = [
    pytest.mark.trl,
    pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="needs TRL: pip install '.[trl]'"),
    pytest.mark.skipif("MLOPS_DEBUG_TEST_TRL" not in os.environ, reason="set MLOPS_DEBUG_TEST_TRL to train for a step"),
]


def test_one_step_of_grpo_moves_the_weights(own_server: ServerProcess, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "examples" / "grpo.py"), "--output", str(tmp_path / "out")]
    settings = environment(MLOPS_DEBUG_URL=own_server.url, TRL_EXPERIMENTAL_SILENCE="1", HF_HUB_OFFLINE="1")
    ran = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=900, check=False)
    print(ran.stdout)
    assert ran.returncode == 0, ran.stderr
    reward = re.search(r"reward (\S+), spread (\S+), tool calls (\S+)", ran.stdout)
    moved = re.search(r"(\d+) of (\d+) weight tensors moved in 1 GRPO step", ran.stdout)
    assert reward is not None
    assert moved is not None
    assert float(reward[1]) > 0
    assert float(reward[3]) > 0
    assert moved[1] == moved[2]
