"""The metrics of several processes of one server."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from server.metrics import Metrics, Readings
from server.worker_metrics import answering_with_measurements, gather_measurements, merge_measurements
from server.worker_slot import WorkerSlot


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:  # the path of a local socket must be short
        yield Path(made)


def measured(steps: int) -> bytes:
    metrics = Metrics()
    metrics.registry.register(Readings(metrics, {}))
    metrics.events["read"] = steps
    metrics.requests["reset", "GET", 200] = 1
    metrics.commit_seconds.observe(0.1)
    return metrics.text()


def samples(text: bytes, name: str) -> dict[str, float]:
    families = list(text_string_to_metric_families(text.decode()))
    assert len({each.name for each in families}) == len(families)
    return {each.labels["worker"]: each.value for family in families for each in family.samples if each.name == name}


def test_each_sample_names_its_worker_and_each_family_comes_once() -> None:
    merged = merge_measurements({"0": measured(3), "1": measured(4)})
    assert samples(merged, "mlops_debug_steps_total") == {"0": 3, "1": 4}
    assert samples(merged, "mlops_debug_requests_total") == {"0": 1, "1": 1}
    assert samples(merged, "mlops_debug_commit_seconds_sum") == {"0": 0.1, "1": 0.1}
    assert merged.count(b"# HELP mlops_debug_steps_total ") == 1


async def test_one_scrape_has_the_processes_that_answer(folder: Path) -> None:
    first, second = WorkerSlot(0, 3, folder), WorkerSlot(1, 3, folder)

    async def measure() -> bytes:
        return b"of the second"

    async with answering_with_measurements(second, measure):
        gathered = await gather_measurements(first, b"of the first", None)
    assert gathered == {"0": b"of the first", "1": b"of the second"}


async def test_a_process_that_replaces_another_answers_at_its_address(folder: Path) -> None:
    slot = WorkerSlot(1, 2, folder)

    async def measure() -> bytes:
        return measured(4)

    async with answering_with_measurements(slot, measure), answering_with_measurements(slot, measure):
        assert "1" in await gather_measurements(WorkerSlot(0, 2, folder), b"", None)
