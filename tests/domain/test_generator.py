from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.faults import POOLS
from domain.generator import GENERATOR_VERSION, OF_SEVERAL_SOURCES, can_plant, generate, planted_fault
from domain.scenario import Scenario
from domain.training.multi_source.agreements import broken
from domain.training.multi_source.case import State
from domain.types import COMMON_ARTIFACT_NAMES, SANITY_CHECK_NAMES, TASK_IDS, TaskId
from tests.domain.scenarios import FAULT_IDS, healthy, planted
from tests.profiles import count, seeds


@settings(max_examples=count(25, quick=8), deadline=None)
@given(st.integers(0, 2**128 - 1), st.sampled_from(TASK_IDS))
def test_the_same_seed_gives_the_same_scenario(seed: int, task_id: TaskId) -> None:
    first = generate(task_id, seed)
    assert first.body == generate(task_id, seed).body
    assert can_plant(task_id, first.truth.fault_id)


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
    drawn = Counter(generate("easy", seed).truth.fault_id for seed in seeds(range(100), quick=60))
    assert set(drawn) == set(POOLS["easy"])


def test_the_twin_carries_no_fault() -> None:
    truth = healthy("easy", 5).truth
    assert truth.fault_id == "none"
    assert truth.pipeline == truth.twin
    assert truth.patch == ()


@pytest.mark.parametrize("task_id", POOLS)
def test_without_a_fault_a_seed_gives_the_twin_of_the_fault_it_draws(task_id: TaskId) -> None:
    for seed in seeds(range(6)):
        drawn, twin_ = generate(task_id, seed).truth, generate(task_id, seed, fault="none").truth
        assert twin_.pipeline == drawn.twin == generate(task_id, seed, fault=f"none:{drawn.fault_id}").truth.pipeline


@pytest.mark.parametrize("task_id", OF_SEVERAL_SOURCES)
def test_without_a_fault_a_run_of_several_sources_declares_the_same_and_its_data_agree(task_id: TaskId) -> None:
    for seed in seeds(range(6)):
        drawn, twin_ = generate(task_id, seed), generate(task_id, seed, fault="none")
        state = State.from_json(twin_.truth.pipeline)
        assert state.declared == State.from_json(drawn.truth.pipeline).declared
        assert not broken(state.layout, state.world, state.declared)
        assert twin_.evidence.artifacts["data_sources.yaml"] == drawn.evidence.artifacts["data_sources.yaml"]


@pytest.mark.parametrize("task_id", TASK_IDS)
def test_what_a_seed_is_said_to_plant_is_what_is_generated(task_id: TaskId) -> None:
    for seed in seeds(range(4), quick=2):
        assert planted_fault(task_id, seed) == generate(task_id, seed).truth.fault_id
        assert can_plant(task_id, planted_fault(task_id, seed))


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
