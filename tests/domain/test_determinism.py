"""Golden digests: the bytes of a scenario are the same on every machine and with every supported NumPy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from domain.families.multi_source import FAULTS
from domain.generator import generate
from domain.types import TASK_IDS, TaskId
from tests.domain.golden_digests import PATH, digests
from tests.domain.scenarios import FAULT_IDS
from tests.profiles import is_quick

REMEDY = "run python -m tests.domain.golden_digests"


def _golden() -> dict[str, str]:
    golden: dict[str, str] = json.loads(PATH.read_text())
    return golden


def _expected(found: dict[str, str]) -> dict[str, str | None]:
    """The golden digests; in a quick run, of what was found."""
    golden = _golden()
    return {name: golden.get(name) for name in (found if is_quick() else golden)}


def test_golden_digests() -> None:
    found = digests(every_seed=not is_quick())
    assert found == _expected(found), REMEDY


def test_every_fault_has_a_golden_digest() -> None:
    # Its path begins with a fault of one table, or with the task and the split of a fault of several sources.
    parts = {part for name in _golden() for part in name.split("/")}
    assert {*FAULT_IDS, *FAULTS} <= parts


@pytest.mark.parametrize("variables", [{"OPENBLAS_CORETYPE": "Haswell"}, {"OMP_NUM_THREADS": "2"}])
def test_digests_do_not_depend_on_kernels_or_threads(variables: dict[str, str]) -> None:
    given = f"every_seed={not is_quick()}"
    code = f"from tests.domain.golden_digests import digests; import json; print(json.dumps(digests({given})))"
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root, **variables}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=root, check=True
    )
    found = json.loads(done.stdout)
    assert found == _expected(found)


@pytest.mark.parametrize("task_id", TASK_IDS)
def test_the_order_of_generation_does_not_matter(task_id: TaskId) -> None:
    first = [generate(task_id, seed).digest for seed in (1, 2, 3)]
    again = [generate(task_id, seed).digest for seed in (3, 2, 1)]
    assert first == again[::-1]
