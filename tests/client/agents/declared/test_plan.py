"""What the comparing agent looks at: nothing twice, never beyond the budget, no more than it needs."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from domain.episode.observation import EvidenceView
from domain.generator import generate
from mlops_debug_env.agents.declared.looks import looks_of
from mlops_debug_env.agents.declared.measured import RESULTS, Checks
from mlops_debug_env.agents.declared.plan import SLICES, Notebook
from mlops_debug_env.agents.declared.reading import Declared
from mlops_debug_env.agents.declared.suspicion import Suspicion
from mlops_debug_env.agents.declared.trials import experiment_on, settled, trial_of
from mlops_debug_env.protocol.actions import Action, QueryArtifact, ReadArtifact, RunExperiment, RunSanityCheck
from mlops_debug_env.protocol.observations import ActionResult, ExperimentMetrics


@cache
def _evidence(fault: str) -> Any:
    return generate("hard", 7_200, fault=fault).evidence


def _shown(fault: str, action: Action) -> ActionResult:
    evidence = _evidence(fault)
    match action:
        case ReadArtifact(artifact_name=name):
            text = EvidenceView(evidence).shown_text(name)
            return ActionResult.model_validate({"status": "ok", "artifact": name, "content": text})
        case RunSanityCheck(sanity_check_type=check):
            return ActionResult.model_validate({"status": "ok", "sanity_check": evidence.checks[check].model_dump()})
        case QueryArtifact(artifact_name=name, field_path=path):
            value = EvidenceView(evidence)._value(name, path)
            return ActionResult.model_validate({"status": "ok", "artifact": name, "field": path, "value": value})
    raise AssertionError(action)


def _played(fault: str, *, steps: int) -> tuple[Notebook, list[Action]]:
    notebook, done = Notebook(), list[Action]()
    while action := notebook.next_action(steps_left=steps - len(done), experiments_left=0, is_one=True):
        done.append(action)
        notebook.take(_shown(fault, action))
    return notebook, done


@pytest.mark.parametrize("steps", [1, 5, 20])
def test_the_last_step_is_kept_for_the_diagnosis(steps: int) -> None:
    _, done = _played("stale_snapshot", steps=steps)
    assert len(done) <= steps - 1


def test_nothing_is_looked_at_twice() -> None:
    _, done = _played("frozen_column", steps=40)
    assert len({action.model_dump_json() for action in done}) == len(done)


def test_a_column_that_a_check_finds_odd_is_queried_across_sources_first() -> None:
    notebook, done = _played("frozen_column", steps=20)
    column = notebook.suspicions()[0].path.split(".")[3]
    queried = [action.field_path for action in done if isinstance(action, QueryArtifact)]
    queried = [path for path in queried if path.endswith(f".{column}")]
    assert queried[0] == f"all.{column}" and len(queried) > 1
    assert notebook.suspicions()[0].path.endswith(".used_until")
    assert all(action.artifact_name == SLICES for action in done if isinstance(action, QueryArtifact))


def test_what_two_reports_decide_needs_no_query() -> None:
    _, done = _played("silent_metric_swap", steps=20)
    assert not any(isinstance(action, QueryArtifact) for action in done)


def test_details_are_asked_for_only_where_a_declaration_can_be_wrong() -> None:
    notebook, done = _played("shuffle_off_sorted", steps=40)
    queried = {action.field_path for action in done if isinstance(action, QueryArtifact)}
    assert "train.batches" in queried
    assert notebook.suspicions()[0].path == "loader.shuffle"


def _metrics(accuracy: float) -> ExperimentMetrics:
    split = {"accuracy": accuracy, "loss": 1.0}
    return ExperimentMetrics.model_validate({"train": split, "validation": split, "by_source": {}})


def test_a_training_with_the_repair_strengthens_or_weakens_a_suspicion() -> None:
    suspicion = Suspicion("labels.maturity_months", 3, 1.1)
    trial = trial_of(suspicion)
    assert trial is not None
    assert experiment_on(suspicion).patch is not None
    assert experiment_on(None) == RunExperiment()
    assert settled(suspicion, trial, _metrics(0.8), _metrics(0.9)).strength > 1.1
    assert settled(suspicion, trial, _metrics(0.9), _metrics(0.9)).strength < 1.0


def test_where_steps_run_out_it_names_what_it_could_not_look_at() -> None:
    notebook, done = _played("evaluation_rows_in_training", steps=8)
    best = notebook.best()
    assert best is not None and best not in notebook.suspicions()
    assert not any(isinstance(action, QueryArtifact) and best.path.startswith(action.field_path) for action in done)


@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_are_worth_a_look_only_where_the_declared_order_can_be_wrong(shuffle: bool) -> None:
    declared = Declared(facts={"loader.shuffle": shuffle, "loss.divide_by": "rows"})
    weights = {block: weight for weight, block in looks_of(declared, Checks({}))}
    assert (weights["train.batches"] > 0.0) is not shuffle


def test_a_source_whose_labels_fit_the_last_month_better_is_looked_at_first() -> None:
    accuracy = {
        "mill": {"validation": 0.4, "test": 0.5, "recent": 0.8},
        "quay": {"validation": 0.8, "test": 0.8, "recent": 0.8},
    }
    declared = Declared(facts={f"sources.{name}.used_until": None for name in accuracy}, sources=tuple(accuracy))
    looks = looks_of(declared, Checks({RESULTS: {"accuracy_by_source": accuracy}}))
    weights = {block: weight for weight, block in looks}
    assert weights["mill.labels"] > 2.0 * weights["quay.labels"]
