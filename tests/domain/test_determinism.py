"""Golden digests: the bytes of a scenario are the same on every machine and with every supported NumPy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from domain.generator import generate
from domain.types import TASK_IDS, TaskId
from tests.domain.golden_digests import PATH, digests


def test_golden_digests() -> None:
    assert digests() == json.loads(PATH.read_text()), "run python -m tests.domain.golden_digests"


@pytest.mark.parametrize("variables", [{"OPENBLAS_CORETYPE": "Haswell"}, {"OMP_NUM_THREADS": "2"}])
def test_digests_do_not_depend_on_kernels_or_threads(variables: dict[str, str]) -> None:
    code = "from tests.domain.golden_digests import digests; import json; print(json.dumps(digests()))"
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root, **variables}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=root, check=True
    )
    assert json.loads(done.stdout) == json.loads(PATH.read_text())


@pytest.mark.parametrize("task_id", TASK_IDS)
def test_the_order_of_generation_does_not_matter(task_id: TaskId) -> None:
    first = [generate(task_id, seed).digest for seed in (1, 2, 3)]
    again = [generate(task_id, seed).digest for seed in (3, 2, 1)]
    assert first == again[::-1]
