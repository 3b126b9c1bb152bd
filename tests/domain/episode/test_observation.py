"""What the agent sees: true, repeatable, and nothing that gives the answer away."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from domain.actions import QueryArtifact, ReadArtifact
from domain.episode.decide import Command, decide, fold
from domain.episode.observation import (
    OBSERVATION_VERSION,
    EvidenceView,
    observation_digest,
    observe,
    observe_final,
    observe_reset,
)
from domain.events import ActionRefused, EncodedEvent, EpisodeExpired, decode
from domain.scenario import Scenario
from tests.domain.given import (
    CHECK,
    CONFIG,
    LACKING,
    LOG,
    NONE_LEFT,
    PATCH,
    QUERY,
    SCENARIO,
    TOO_HIGH,
    UNKNOWN,
    VIEW,
    experiment,
    reset,
    submit,
    when,
)
from tests.hand_made import TEXTS, hand_made_scenario

REGISTRY = b"[]"
GOLDEN = Path(__file__).parents[1] / "golden"


def seen(*commands: Command) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(b"{" + observe(VIEW, when(reset(), *commands)) + b"}")
    return shown


def test_reset_shows_everything_an_agent_starts_from() -> None:
    shown = json.loads(b"{" + observe_reset(VIEW, when(reset()), REGISTRY) + b"}")
    observation = shown["observation"]
    assert (shown["reward"], shown["done"]) == (None, False)
    assert [each["name"] for each in observation["available_artifacts"]] == list(TEXTS)
    assert observation["available_artifacts"][0]["size_hint"] == "10 lines"
    assert observation["run_summary"] == {"model": "mlp", "dataset": "support-tickets", "status": "finished"}
    assert (observation["step_count"], observation["max_steps"], observation["experiments_left"]) == (0, 30, 2)
    assert observation["field_registry"] == []
    assert observation["last_action_result"] == {"status": "reset"}


def test_a_read_shows_the_whole_text() -> None:
    assert seen(LOG)["observation"]["last_action_result"] == {
        "status": "ok",
        "artifact": "train.log",
        "filter": None,
        "content": TEXTS["train.log"].replace("run-0a1b2c3d", "run-00000007"),
    }


@pytest.mark.parametrize("command", [LOG, CONFIG, QUERY, UNKNOWN, CHECK, submit()])
def test_what_a_step_shows_is_what_its_event_records_and_what_is_observed_later(command: Command) -> None:
    for begun in (when(reset()), when(reset(), command)) if command != submit() else (when(reset()),):
        decided = decide(begun, command, VIEW)
        (event,) = decided.events
        assert not isinstance(event, EpisodeExpired)
        assert decided.shown == observe(VIEW, decided.after)
        assert event.observation_digest == hashlib.sha256(decided.shown).hexdigest()[:32]


def test_a_query_shows_the_value_and_a_refusal_says_why() -> None:
    assert seen(QUERY)["observation"]["last_action_result"]["value"] == 0.9
    refused = seen(UNKNOWN)["observation"]["last_action_result"]
    assert (refused["status"], refused["reason"]) == ("refused", "unknown_field")
    assert "optimizer.nope" in refused["message"]


def test_a_check_shows_numbers_and_flag() -> None:
    check = seen(CHECK)["observation"]["last_action_result"]["sanity_check"]
    assert check == {"check": "data_leakage", "flag": True, "reasons": [], "measured": {"share": 0.25, "worst": None}}


def test_an_experiment_shows_its_result_and_how_many_are_left() -> None:
    observation = seen(experiment())["observation"]
    result = observation["last_action_result"]
    assert (result["status"], result["experiment"]["number"], observation["experiments_left"]) == ("ok", 1, 1)
    assert result["experiment"]["patch"] == [entry.model_dump() for entry in PATCH]
    assert result["experiment"]["metrics"] == {
        "train": {"accuracy": 0.8, "loss": 0.5},
        "validation": {"accuracy": 0.71, "loss": None},
        "by_source": {},
    }


@pytest.mark.parametrize(
    ("command", "reason", "message"),
    [
        (TOO_HIGH, "invalid_value", "model.dropout takes a number from 0 to 0.99, not 3; the step is spent"),
        (LACKING, "unknown_artifact", "this run has no changes.diff; the step is spent"),
        (QueryArtifact("train.py", "loss"), "unknown_artifact", "this run has no train.py; the step is spent"),
    ],
)
def test_a_refusal_says_why(command: Command, reason: str, message: str) -> None:
    observation = seen(command)["observation"]
    assert observation["last_action_result"] == {"status": "refused", "reason": reason, "message": message}
    assert observation["experiments_left"] == 2


def test_an_experiment_beyond_the_budget_is_refused_in_words() -> None:
    refused = seen(experiment(1), experiment(2), NONE_LEFT)["observation"]["last_action_result"]
    assert refused["message"] == "no experiment is left; the step is spent"


def test_a_check_that_only_measures_has_no_flag() -> None:
    evidence = SCENARIO.evidence
    silent = evidence.checks["data_leakage"].model_copy(update={"flag": None, "reasons": None})
    view = EvidenceView(evidence.model_copy(update={"checks": {**evidence.checks, "data_leakage": silent}}))
    check = json.loads(view.result_of(when(reset(), CHECK).last))["sanity_check"]
    assert (check["flag"], check["reasons"], check["measured"]) == (None, None, {"share": 0.25, "worst": None})


def test_a_document_with_blocks_shows_its_contents_and_one_block_at_a_time() -> None:
    stored = {"contents": {"sources": ["harbour", "mill"]}, "blocks": {"harbour.weight": {"mean": [1.0, 2.5]}}}
    artifacts = {**SCENARIO.evidence.artifacts, "data_slices.json": json.dumps(stored)}
    view = EvidenceView(SCENARIO.evidence.model_copy(update={"artifacts": artifacts}))
    listed = [each["size_hint"] for each in json.loads(b"{" + view.front_page() + b"}")["available_artifacts"]]
    assert listed[-1] == "6 lines"
    read = decide(when(reset()), ReadArtifact("data_slices.json"), view).after
    content = json.loads(view.result_of(read.last))["content"]
    assert json.loads(content) == stored["contents"]
    block = decide(when(reset()), QueryArtifact("data_slices.json", " harbour.weight "), view).after
    assert json.loads(view.result_of(block.last))["value"] == {"mean": [1.0, 2.5]}
    for path in ("harbour", "harbour.weight.mean", "contents", "blocks", "contents.sources"):
        refused = decide(when(reset()), QueryArtifact("data_slices.json", path), view).after.last
        assert isinstance(refused, ActionRefused)
        assert refused.reason == "unknown_field"


def test_what_was_observed_before_there_were_experiments_is_observed_again() -> None:
    recorded = json.loads((GOLDEN / "observations_1.json").read_text())
    view = EvidenceView(Scenario.model_validate(recorded["scenario"]).evidence)
    events = [decode(EncodedEvent(e["kind"], e["schema_version"], e["payload"].encode())) for e in recorded["events"]]
    states = [fold(events[: number + 1]) for number in range(len(events))]
    digests = [observation_digest(view, state) for state in states if state is not None]
    assert digests == [event.observation_digest for event in events if not isinstance(event, EpisodeExpired)]


def test_the_lists_grow_in_order_and_static_keys_come_once() -> None:
    observation = seen(LOG, CONFIG, CHECK)["observation"]
    assert observation["artifacts_read"] == ["train.log", "config.yaml"]
    assert observation["checks_run"] == ["data_leakage"]
    assert "field_registry" not in observation
    assert "task_description" not in observation


def test_after_the_end_the_final_observation_comes_again_and_earns_nothing() -> None:
    ended = when(reset(), submit())
    final = json.loads(b"{" + observe_final(VIEW, ended) + b"}")
    assert (final["reward"], final["done"]) == (0.0, True)
    assert final["observation"] == seen(submit())["observation"]


def test_the_same_seed_and_actions_give_the_same_bytes() -> None:
    fresh = EvidenceView(hand_made_scenario().evidence)
    state = when(reset(), LOG, QUERY, CHECK)
    assert observe(VIEW, state) == observe(VIEW, state) == observe(fresh, state)


def test_no_observation_tells_the_truth_or_the_seed() -> None:
    scenario: Scenario = hand_made_scenario(seed=123456789)
    view = EvidenceView(scenario.evidence)
    everything = b"".join(observe(view, when(reset(), command)) for command in (LOG, CONFIG, CHECK, QUERY, UNKNOWN))
    everything += observe_reset(view, when(reset()), REGISTRY)
    assert b"123456789" not in everything
    assert scenario.truth.fault_id.encode() not in everything


def test_words_and_shape_change_only_with_the_version() -> None:
    """Golden digests: if they differ, raise OBSERVATION_VERSION, or audits of old episodes would report findings."""
    digests = [observation_digest(VIEW, when(reset(), *commands)) for commands in ((), (LOG,), (CHECK, UNKNOWN))]
    assert (OBSERVATION_VERSION, digests) == ("2", GOLDEN_DIGESTS)


GOLDEN_DIGESTS = [
    "93a2401c36e58351ea63802deeff9f5a",
    "f944671bdc24a2ace23787efadfa35ce",
    "a260d3f5cf6f15eb02dc5d8c292a655c",
]
