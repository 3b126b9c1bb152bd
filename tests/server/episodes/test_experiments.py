"""Experiments over the wire: run once, recorded, limited, answered again, and run again by an audit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.diagnosis import PatchEntry
from domain.experiment import ExperimentOutcome
from domain.generator import generate
from domain.scenario import Composition, Truth
from server.episodes.rebuild import rebuild
from server.scenarios.simulation import InProcessSimulation
from server.settings import Settings
from tests.auditing import audit_by_settings
from tests.before_experiments import record_before_experiments
from tests.databases import execute
from tests.hand_made import HandMadeSimulation, hand_made_experiment
from tests.operating import changed
from tests.served import Served, serving

CHANGE = {"file": "config.yaml", "field": "optimizer.learning_rate", "value": 0.1}
RUN: dict[str, Any] = {"action_type": "run_experiment", "patch": [CHANGE]}
EMPTY: dict[str, Any] = {"action_type": "run_experiment"}
UNKNOWN = {"action_type": "run_experiment", "patch": [{**CHANGE, "field": "no.such.field"}]}
SUBMIT = {"action_type": "submit_diagnosis"}


@pytest.fixture
def simulation() -> HandMadeSimulation:
    return HandMadeSimulation()


@pytest.fixture
async def served(settings: Settings, simulation: HandMadeSimulation) -> AsyncIterator[Served]:
    async with serving(settings, simulation=simulation) as running:
        await running.reset(task_id="medium", seed=7, episode_id="e")
        yield running


async def events_of(served: Served, episode_id: str = "e") -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (await served.client.get(f"/episodes/{episode_id}/events")).json()
    return listed


@pytest.mark.both_backends
async def test_an_experiment_is_answered_with_what_it_showed_and_recorded(served: Served) -> None:
    answer = await served.step("e", RUN)
    result = answer["observation"]["last_action_result"]
    expected = hand_made_experiment((PatchEntry.model_validate(CHANGE),), 1).model_dump(mode="json")
    assert (result["status"], result["experiment"]) == ("ok", expected)
    assert (answer["reward"], answer["observation"]["experiments_left"], answer["info"]["step_count"]) == (0.0, 1, 1)
    *_, event = await events_of(served)
    assert (event["kind"], event["schema_version"]) == ("experiment", 1)
    assert (event["payload"]["number"], event["payload"]["patch"]) == (1, [CHANGE])
    assert event["payload"]["result"] == expected
    assert (await served.client.get("/state", params={"episode_id": "e"})).json()["experiments_left"] == 1


async def test_an_empty_patch_is_an_experiment_too(served: Served) -> None:
    shown = (await served.step("e", EMPTY))["observation"]["last_action_result"]["experiment"]
    assert (shown["number"], shown["patch"]) == (1, [])


async def test_the_experiments_of_an_episode_are_numbered_and_none_is_run_beyond_the_budget(
    served: Served, simulation: HandMadeSimulation
) -> None:
    numbers = [(await served.step("e", RUN))["observation"]["last_action_result"]["experiment"]["number"] for _ in "ab"]
    beyond = await served.step("e", RUN)
    assert (numbers, simulation.experiments) == ([1, 2], 2)
    refused = beyond["observation"]["last_action_result"]
    assert (refused["status"], refused["reason"]) == ("refused", "no_experiments_left")
    assert (beyond["observation"]["experiments_left"], beyond["observation"]["step_count"]) == (0, 3)


async def test_a_rejected_patch_costs_a_step_and_no_experiment(served: Served) -> None:
    answer = await served.step("e", UNKNOWN)
    assert answer["observation"]["last_action_result"] == {
        "status": "refused",
        "reason": "unknown_field",
        "message": "config.yaml has no field no.such.field; the step is spent",
    }
    assert (answer["observation"]["experiments_left"], answer["observation"]["step_count"]) == (2, 1)


@pytest.mark.parametrize("action", [RUN, UNKNOWN])
async def test_a_repeated_experiment_is_answered_again_and_not_run(
    served: Served, simulation: HandMadeSimulation, action: dict[str, Any]
) -> None:
    first = await served.step("e", action, request_id="r-1")
    await served.step("e", {"action_type": "read_config"})
    assert await served.step("e", action, request_id="r-1") == first
    assert simulation.experiments == 1


async def test_a_request_id_belongs_to_one_patch_with_its_types(served: Served) -> None:
    await served.step("e", {**RUN, "patch": [{**CHANGE, "value": 1}]}, request_id="r-1")
    for value in (1.0, True, 2):
        body = {"episode_id": "e", "request_id": "r-1", "action": {**RUN, "patch": [{**CHANGE, "value": value}]}}
        answer = await served.client.post("/step", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "request_id_reused")


async def test_episodes_on_one_scenario_share_what_was_run(served: Served, simulation: HandMadeSimulation) -> None:
    await served.reset(task_id="medium", seed=7, episode_id="other")
    same = [(await served.step(name, RUN))["observation"]["last_action_result"] for name in ("e", "other")]
    assert (same[0], simulation.experiments) == (same[1], 1)
    await served.step("other", RUN)
    assert simulation.experiments == 2


class Drifted(HandMadeSimulation):
    """Gives other results than were recorded."""

    async def experiment(
        self, truth: Truth | Composition, patch: tuple[PatchEntry, ...], number: int
    ) -> ExperimentOutcome:
        return hand_made_experiment(patch, number).model_copy(update={"log_tail": ("another",)})


async def test_an_audit_runs_experiments_again(
    settings: Settings, served: Served, simulation: HandMadeSimulation
) -> None:
    for action in (RUN, UNKNOWN, EMPTY, RUN, SUBMIT):
        await served.step("e", action)
    again = HandMadeSimulation()
    report = await audit_by_settings(settings, again, "e")
    assert (report.findings, again.experiments) == ((), simulation.experiments) == ((), 3)
    differing = (await audit_by_settings(settings, Drifted(), "e")).findings
    assert [(each.code, each.version) for each in differing] == [("execute", 2), ("execute", 3), ("execute", 4)]


async def test_a_real_experiment_is_audited_and_rebuilt(settings: Settings) -> None:
    async with serving(settings, simulation=InProcessSimulation()) as served:
        await served.reset(task_id="hard", seed=5, episode_id="e")
        shown = (await served.step("e", RUN))["observation"]["last_action_result"]["experiment"]
        await served.step("e", {**RUN, "patch": [{**CHANGE, "value": "fast"}]})
    assert shown["metrics"]["validation"]["accuracy"] is not None
    report = await audit_by_settings(settings, InProcessSimulation(), "e")
    assert (report.findings, report.notes) == ((), ())
    assert changed(settings, lambda connection: rebuild(connection, verify=True)).differences == ()


async def test_no_answer_to_an_experiment_tells_the_truth(settings: Settings) -> None:
    scenario = generate("hard", 5)
    async with serving(settings, simulation=InProcessSimulation()) as served:
        await served.reset(task_id="hard", seed=5, episode_id="e")
        text = str(await served.step("e", RUN)) + str(await served.step("e", EMPTY))
    hidden = {scenario.truth.fault_id, str(scenario.only_fault.proposed_fix), scenario.digest}
    assert {word for word in hidden if word in text} == set()


@pytest.mark.both_backends
async def test_an_episode_from_before_there_were_experiments_goes_on_and_is_audited(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = {"action_type": "query_artifact", "artifact_name": "config.yaml", "field_path": "no.such"}
    with monkeypatch.context() as patched:
        record_before_experiments(patched)
        async with serving(settings) as served:
            for name in ("running", "over"):
                await served.reset(task_id="hard", seed=7, episode_id=name)
                old = await served.step(name, query)
            await served.step("over", SUBMIT)
    schemas = execute(
        settings.database_url, "SELECT kind, schema_version FROM events WHERE kind IN ('reset', 'refuse')"
    )
    assert set(schemas) == {("reset", 3), ("refuse", 1)}
    async with serving(settings) as served:
        assert "experiments_left" not in old["observation"]
        refused = await served.step("running", RUN)
        assert (refused["observation"]["max_steps"], "experiments_left" in refused["observation"]) == (40, False)
        assert refused["observation"]["last_action_result"]["reason"] == "no_experiments_left"
        begun = await served.reset(task_id="hard", seed=7, episode_id="new")
        assert (begun["observation"]["max_steps"], begun["observation"]["experiments_left"]) == (16, 3)
    for name in ("running", "over", "new"):
        report = await audit_by_settings(settings, HandMadeSimulation(), name)
        assert (report.findings, report.notes) == ((), ())
    assert changed(settings, lambda connection: rebuild(connection, verify=True)).differences == ()
