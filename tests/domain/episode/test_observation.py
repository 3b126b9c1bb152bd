"""What the agent sees: true, repeatable, and nothing that gives the answer away."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from domain.episode.decide import Command, decide
from domain.episode.observation import (
    OBSERVATION_VERSION,
    EvidenceView,
    observation_digest,
    observe,
    observe_final,
    observe_reset,
)
from domain.events import EpisodeExpired
from domain.scenario import Scenario
from domain.types import ARTIFACT_NAMES
from tests.domain.given import CHECK, CONFIG, LOG, QUERY, UNKNOWN, VIEW, reset, submit, when
from tests.hand_made import TEXTS, hand_made_scenario

REGISTRY = b"[]"


def seen(*commands: Command) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(b"{" + observe(VIEW, when(reset(), *commands)) + b"}")
    return shown


def test_reset_shows_everything_an_agent_starts_from() -> None:
    shown = json.loads(b"{" + observe_reset(VIEW, when(reset()), REGISTRY) + b"}")
    observation = shown["observation"]
    assert (shown["reward"], shown["done"]) == (None, False)
    assert [each["name"] for each in observation["available_artifacts"]] == list(ARTIFACT_NAMES)
    assert observation["available_artifacts"][0]["size_hint"] == "10 lines"
    assert observation["run_summary"] == {"model": "mlp", "dataset": "support-tickets", "status": "finished"}
    assert (observation["step_count"], observation["max_steps"]) == (0, 30)
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
    assert (OBSERVATION_VERSION, digests) == ("1", GOLDEN_DIGESTS)


GOLDEN_DIGESTS = [
    "802af7eeb86cc5628b212a9e9204cc49",
    "a981d243c21f9177d87426aa33bb512a",
    "6999770d80a34615ffb800d975512842",
]
