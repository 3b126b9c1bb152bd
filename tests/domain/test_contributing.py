"""The fault that CONTRIBUTING.md shows is one that would work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from domain.faults.fault import Fault
from domain.training import checks
from domain.training.pipeline import Pipeline, draw_pipeline
from domain.training.randomness import Stream
from domain.training.simulator import simulate

TEXT = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text()


def test_the_shown_fault_can_be_planted_and_shows() -> None:
    found = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {}
    exec(compile(found[1], "dropout_too_high.py", "exec"), names)
    fault: Fault = names["FAULT"]
    for seed in range(5):
        healthy = draw_pipeline(seed)
        (value, *_) = fault.severities(healthy, Stream(seed, "test"))
        truth = fault.truth(healthy, value)
        assert truth.twin == healthy.to_json()
        run = simulate(Pipeline.from_json(truth.pipeline))
        assert set(fault.signals) & checks.raised(run)
