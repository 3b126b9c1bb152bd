from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.faults import POOLS
from domain.generator import GENERATOR_VERSION, generate
from domain.scenario import Scenario
from domain.types import COMMON_ARTIFACT_NAMES, SANITY_CHECK_NAMES, TASK_IDS, TaskId
from tests.domain.scenarios import FAULT_IDS, healthy, planted
from tests.profiles import count


@settings(max_examples=count(25, quick=8), deadline=None)
@given(st.integers(0, 2**128 - 1), st.sampled_from(TASK_IDS))
def test_the_same_seed_gives_the_same_scenario(seed: int, task_id: TaskId) -> None:
    first = generate(task_id, seed)
    assert first.body == generate(task_id, seed).body
    assert task_id not in POOLS or first.truth.fault_id in POOLS[task_id]


@pytest.mark.parametrize("fault_id", FAULT_IDS)
def test_a_scenario_survives_its_stored_form(fault_id: str) -> None:
    scenario = planted(fault_id, 2**128 - 1)
    again = Scenario.model_validate_json(scenario.body)
    assert again == scenario
    assert again.digest == scenario.digest
    assert again.generator_version == GENERATOR_VERSION


def test_evidence_is_complete() -> None:
    evidence = planted(FAULT_IDS[0], 1).evidence
    assert tuple(evidence.artifacts) == COMMON_ARTIFACT_NAMES
    assert tuple(evidence.checks) == SANITY_CHECK_NAMES
    assert json.loads(evidence.artifacts["model_card.json"])


def test_every_fault_of_a_pool_is_drawn() -> None:
    drawn = Counter(generate("hard", seed).truth.fault_id for seed in range(60))
    assert set(drawn) == set(POOLS["hard"])


def test_the_twin_carries_no_fault() -> None:
    truth = healthy("easy", 5).truth
    assert truth.fault_id == "none"
    assert truth.pipeline == truth.twin
    assert truth.patch == ()


def test_the_revealed_truth_hides_how_grading_works() -> None:
    assert set(planted(FAULT_IDS[0], 1).truth.reveal()) == {
        "fault_id",
        "failure_category",
        "root_cause_file",
        "root_cause_field",
        "proposed_fix",
        "patch",
        "accepted",
    }


def test_the_same_seed_on_two_tasks_shares_nothing() -> None:
    easy, hard = (generate(task_id, 11, fault="none").evidence for task_id in ("easy", "hard"))
    assert easy.run_id != hard.run_id
    assert all(easy.artifacts[name] != hard.artifacts[name] for name in easy.artifacts)
