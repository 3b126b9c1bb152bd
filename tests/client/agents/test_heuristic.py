"""The heuristic agent on evidence as the wire shows it, whole and in parts."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.faults import CATALOGUE, POOLS
from domain.fields.registry import registry_json
from domain.generator import generate, observe_run, scenario_seed
from domain.scenario import Evidence as Observed
from domain.scenario import Scenario
from domain.training.pipeline import draw_pipeline
from domain.training.randomness import Stream
from domain.training.simulator import simulate
from domain.training.style import SEED_SPLITS, SeedSplit
from domain.types import COMMON_ARTIFACT_NAMES
from mlops_debug_env.agents.evidence import Evidence
from mlops_debug_env.agents.heuristic import HeuristicAgent, diagnose
from mlops_debug_env.agents.hypothesis import UNEXPLAINED, Clue, Hypothesis, share_of_best, weigh
from mlops_debug_env.agents.investigation import Notes, investigative_actions, next_investigative_action
from mlops_debug_env.agents.rules import RULES
from mlops_debug_env.protocol.actions import RunSanityCheck, SubmitDiagnosis
from mlops_debug_env.protocol.observations import ActionResult, CheckResult, Info, Observation
from mlops_debug_env.protocol.types import ARTIFACT_NAMES, SANITY_CHECK_NAMES
from tests.profiles import examples, seeds, smoke

OF_ONE_TABLE = ("easy", "medium")
"""Tasks whose runs these rules are about; see `declared` for the others."""
FAULTS = [(task_id, fault_id) for task_id in OF_ONE_TABLE for fault_id in POOLS[task_id]]
SEEDS = seeds(range(9_100_000, 9_100_005))


@cache
def _seen() -> Scenario:
    return generate("medium", 7)


def notes_of(scenario: Scenario) -> Notes:
    return notes_on(scenario.evidence)


def notes_on(evidence: Observed) -> Notes:
    notes = Notes()
    notes.artifacts.update(evidence.artifacts)
    notes.checks.update({name: CheckResult.model_validate(each.model_dump()) for name, each in evidence.checks.items()})
    return notes


def observed(step_count: int = 0, *, max_steps: int = 20, **result: Any) -> Observation:
    info = Info(episode_id="e", version=1, task_id="easy", step_count=step_count, max_steps=max_steps, truncated=False)
    return Observation(
        reward=None,
        done=False,
        metadata=info,
        task_id="easy",
        last_action_result=ActionResult.model_validate({"status": "ok", **result}),
        artifacts_read=(),
        checks_run=(),
        step_count=step_count,
        max_steps=max_steps,
        messages=(),
    )


IN_EVERY_STYLE = list(product(FAULTS, SEED_SPLITS))


@pytest.mark.parametrize("case", smoke(IN_EVERY_STYLE, lambda case: IN_EVERY_STYLE.index(case) % 4 == 0), ids=str)
def test_the_planted_fault_is_found_in_every_style(case: tuple[tuple[Any, str], SeedSplit]) -> None:
    (task_id, fault_id), split = case
    right = 0
    for seed in SEEDS:
        truth = (scenario := generate(task_id, seed, fault=fault_id, split=split)).truth
        said = diagnose(notes_of(scenario))
        found = (said.failure_category in truth.accepted.categories, said.root_cause_field in truth.accepted.fields)
        right += all(found)
    print(f"\n{fault_id}, in the styles of {split}: {right} of {len(SEEDS)} right")
    assert right >= len(SEEDS) - 1


def test_a_healthy_run_is_diagnosed_without_conviction() -> None:
    stated = [
        diagnose(notes_of(generate("easy", seed, fault="none"))).confidence or 0.0
        for seed in seeds(range(30), quick=10)
    ]
    print(f"\nconfidence on healthy runs: highest {max(stated):.2f}, mean {sum(stated) / len(stated):.2f}")
    assert sum(stated) / len(stated) < 0.4


@pytest.mark.parametrize("fault_id", [fault_id for _, fault_id in FAULTS if CATALOGUE[fault_id].look_alike])
def test_a_value_where_it_does_no_harm_is_not_suspected(fault_id: str) -> None:
    fault = CATALOGUE[fault_id]
    assert fault.look_alike is not None
    for seed in SEEDS:
        drawn = scenario_seed(fault.task_id, seed)
        alike = fault.look_alike(draw_pipeline(drawn), Stream(drawn, "look-alike"))
        notes = notes_on(observe_run(simulate(alike)))
        weighed = weigh(RULES, Evidence(notes.artifacts, notes.checks))
        assert all(each.score < UNEXPLAINED for each in weighed if each.field == fault.field), seed


def test_splits_of_all_rows_with_one_share_are_told_from_exchanged_reports() -> None:
    """Validation and test are the same rows there, and no training row is among them."""
    scenario = generate("medium", 60_000, fault="second_split_from_all", split="validation")
    leaks = scenario.evidence.checks["data_leakage"].measured
    assert (leaks["train_rows_in_test"], leaks["val_rows_in_test"]) == (0, 1)
    assert diagnose(notes_of(scenario)).root_cause_field == "train_test_split.arrays"


def test_every_hypothesis_names_a_field_of_the_registry_and_a_value_that_it_takes() -> None:
    registry = {(each["file"], each["field"]): each for each in registry_json()}
    made = [h for _, fault in FAULTS for h in weigh(RULES, Evidence(*_texts(generate("easy", 1, fault=fault))))]
    for each in made:
        field = registry[each.file, each.field]
        assert each.value in field.get("choices", [each.value]), each.field
        if "range" in field and each.value is not None:
            low, high = field["range"]
            assert low <= float(each.value) <= high, each.field
    assert len({(each.file, each.field) for each in made}) > 25  # far more fields are suspected than are ever planted


def _texts(scenario: Scenario) -> tuple[dict[str, str], dict[str, CheckResult]]:
    notes = notes_of(scenario)
    return notes.artifacts, notes.checks


@settings(max_examples=examples(60), deadline=None)
@given(st.sets(st.sampled_from([*ARTIFACT_NAMES, *SANITY_CHECK_NAMES])), st.sampled_from(["", "{", "- x", "\0", "[1]"]))
def test_missing_or_garbled_evidence_is_no_error(left_out: set[str], garbage: str) -> None:
    notes = notes_of(_seen())
    for name in left_out:
        notes.checks.pop(name, None)
        if name in notes.artifacts:
            notes.artifacts[name] = garbage
    said = diagnose(notes)
    assert 0.0 <= (said.confidence or 0.0) <= 1.0


async def test_everything_is_looked_at_once_then_the_diagnosis_is_submitted() -> None:
    agent = HeuristicAgent()
    actions = [await agent.act(observed(count)) for count in range(15)]
    assert len({action.model_dump_json() for action in actions[:14]}) == 14
    assert [type(action) for action in actions].count(RunSanityCheck) == 8
    assert isinstance(actions[14], SubmitDiagnosis)


async def test_the_last_step_is_kept_for_the_diagnosis() -> None:
    agent = HeuristicAgent()
    assert isinstance(await agent.act(observed(19)), SubmitDiagnosis)


def test_notes_take_whole_artifacts_and_checks_only() -> None:
    notes = Notes()
    notes.take(observed(artifact="train.log", content="x", filter="epoch:1"))
    notes.take(observed(artifact="config.yaml", field="optimizer", value={}))
    notes.take(observed(status="refused", reason="unknown_field"))
    assert notes.artifacts == {"config.yaml": ""} or notes.artifacts == {}
    notes.take(observed(artifact="config.yaml", content="a: 1"))
    assert notes.artifacts == {"config.yaml": "a: 1"}


def test_the_next_step_shows_what_was_not_seen() -> None:
    everything = [shown for shown, _ in investigative_actions()]
    assert sorted(everything) == sorted((*COMMON_ARTIFACT_NAMES, *SANITY_CHECK_NAMES))
    assert next_investigative_action(everything) is None
    left = next_investigative_action(set(everything) - {"data_leakage"})
    assert left == RunSanityCheck(sanity_check_type="data_leakage")


def hypothesis(*clues: Clue) -> Hypothesis:
    return Hypothesis(
        category="config_error", file="config.yaml", field="training.epochs", value=10, fix="More.", clues=clues
    )


def test_clues_count_for_against_and_not_at_all() -> None:
    clues = (Clue(True, 2.0, "a", 5.0), Clue(False, 2.0, "b", 0.5), Clue(None, 9.0, "c", 9.0))
    assert hypothesis(*clues).score == 1.5


def test_the_diagnosis_gives_the_clues_that_hold_as_reasons() -> None:
    said = hypothesis(Clue(True, 1.0, "few epochs"), Clue(False, 1.0, "never seen")).to_diagnosis(0.4)
    assert "few epochs" in (said.diagnosis or "")
    assert "never seen" not in (said.diagnosis or "")


def test_a_lead_is_worth_more_than_a_tie() -> None:
    strong, weak = hypothesis(Clue(True, 6.0, "")), hypothesis(Clue(True, 1.0, ""))
    assert share_of_best([strong, weak]) > 0.9 > share_of_best([strong, strong]) > share_of_best([weak, weak])
    assert share_of_best([]) == 0.0
