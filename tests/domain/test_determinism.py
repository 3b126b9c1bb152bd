"""Golden digests: the bytes of a scenario are the same on every machine and with every supported NumPy."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from domain.generator import GENERATOR_VERSION, generate
from tests.domain.scenarios import FAULT_IDS, planted

GOLDEN = Path(__file__).parent / "golden" / f"scenarios-{GENERATOR_VERSION}.json"
SEEDS = (7, 20_261_122, 2**127 + 12_345)


def digests() -> dict[str, str]:
    """Fault and seed to the digest of artifacts and checks."""
    return {
        f"{fault_id}/{seed}": hashlib.sha256(planted(fault_id, seed).evidence.model_dump_json().encode()).hexdigest()
        for fault_id in FAULT_IDS
        for seed in SEEDS
    }


def test_golden_digests() -> None:
    assert digests() == json.loads(GOLDEN.read_text())


@pytest.mark.parametrize("variables", [{"OPENBLAS_CORETYPE": "Haswell"}, {"OMP_NUM_THREADS": "2"}])
def test_digests_do_not_depend_on_kernels_or_threads(variables: dict[str, str]) -> None:
    code = "from tests.domain.test_determinism import digests; import json; print(json.dumps(digests()))"
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root, **variables}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=root, check=True
    )
    assert json.loads(done.stdout) == json.loads(GOLDEN.read_text())


def test_the_order_of_generation_does_not_matter() -> None:
    first = [generate("easy", seed).digest for seed in (1, 2, 3)]
    again = [generate("easy", seed).digest for seed in (3, 2, 1)]
    assert first == again[::-1]
