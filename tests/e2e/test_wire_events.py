"""WIRE.md, "State and the rest": the event log of an episode, and its chain, verified from its description."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.e2e.playing import (
    REFUSED_QUERY,
    WRONG_DIAGNOSIS,
    Episode,
    Json,
    assert_problem,
)

EVENT_KEYS = {
    "stream_id",
    "version",
    "position",
    "kind",
    "schema_version",
    "recorded_at",
    "actor",
    "request_id",
    "payload",
    "payload_digest",
    "prev_hash",
    "hash",
}
SHA256 = re.compile(r"[0-9a-f]{64}")


def canonical(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces: the form the chain covers, written again from its description."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def hash_of(event: Json) -> str:
    """What the hash of an event must be, from what the event shows."""
    covered = ("stream_id", "version", "kind", "schema_version", "recorded_at", "actor", "request_id", "payload_digest")
    return hashlib.sha256(bytes.fromhex(event["prev_hash"]) + canonical([event[name] for name in covered])).hexdigest()


def one_of_each_kind(http: httpx.Client) -> Episode:
    """A finished episode whose log holds every kind of event that a step can cause."""
    episode = Episode(http, task_id="medium", seed=5, agent="my-agent")
    episode.step("read_logs", log_filter="loss")
    episode.step("query_artifact", artifact_name="config.yaml", field_path="optimizer.momentum")
    episode.step("run_sanity_check", sanity_check_type="data_leakage")
    episode.step("run_experiment")
    episode.play(REFUSED_QUERY)
    episode.play(WRONG_DIAGNOSIS)
    return episode


def test_an_event_has_exactly_the_documented_keys(http: httpx.Client) -> None:
    assert all(set(event) == EVENT_KEYS for event in one_of_each_kind(http).events())


def test_each_step_is_one_event_of_its_kind(http: httpx.Client) -> None:
    kinds = [event["kind"] for event in one_of_each_kind(http).events()]
    assert kinds == ["reset", "read", "query", "check", "experiment", "refuse", "submit"]


def test_versions_count_from_1_and_positions_grow(http: httpx.Client) -> None:
    events = one_of_each_kind(http).events()
    assert [event["version"] for event in events] == [1, 2, 3, 4, 5, 6, 7]
    positions = [event["position"] for event in events]
    assert positions == sorted(set(positions))


def test_every_event_names_its_stream(http: httpx.Client) -> None:
    episode = one_of_each_kind(http)
    assert {event["stream_id"] for event in episode.events()} == {episode.id}


def test_recorded_at_is_the_time_in_utc(http: httpx.Client) -> None:
    times = [datetime.fromisoformat(event["recorded_at"]) for event in one_of_each_kind(http).events()]
    assert all(time.utcoffset() == timedelta(0) for time in times)
    assert times == sorted(times)
    assert abs(datetime.now(UTC) - times[-1]) < timedelta(minutes=5)


def test_the_payload_of_reset_is_withheld_while_the_episode_runs(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    episode.step("read_config")
    reset, read = episode.events()
    assert reset["payload"] is None
    assert SHA256.fullmatch(reset["payload_digest"])
    assert read["payload"]


def test_the_payload_of_reset_is_shown_after_the_end(http: httpx.Client) -> None:
    episode = Episode(http, task_id="medium", seed=5)
    before = episode.events()[0]
    episode.play(WRONG_DIAGNOSIS)
    after = episode.events()[0]
    assert after["payload"]["seed"] in (5, "5")
    assert {key: value for key, value in after.items() if key != "payload"} == {
        key: value for key, value in before.items() if key != "payload"
    }


def test_the_log_of_a_running_episode_does_not_show_its_seed(http: httpx.Client) -> None:
    episode = Episode(http, seed=918273645)
    episode.step("read_config")
    assert "918273645" not in str(episode.events())


def test_each_event_holds_the_hash_of_the_one_before(http: httpx.Client) -> None:
    events = one_of_each_kind(http).events()
    assert all(SHA256.fullmatch(event["hash"]) for event in events)
    assert [event["prev_hash"] for event in events[1:]] == [event["hash"] for event in events[:-1]]


def test_every_stream_begins_at_the_same_genesis_hash(http: httpx.Client) -> None:
    firsts = [Episode(http, seed=5).events()[0] for _ in range(2)]
    assert firsts[0]["prev_hash"] == firsts[1]["prev_hash"]
    assert firsts[0]["hash"] != firsts[1]["hash"]


def test_anyone_can_verify_the_chain_of_a_finished_episode(http: httpx.Client) -> None:
    events = one_of_each_kind(http).events()
    assert events[0]["prev_hash"] == "0" * 64
    assert [event["hash"] for event in events] == [hash_of(event) for event in events]


def test_anyone_can_verify_the_chain_of_a_running_episode(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    episode.play({"action_type": "read_config"}, request_id="r-1")
    events = episode.events()
    assert [event["hash"] for event in events] == [hash_of(event) for event in events]


def test_a_shown_payload_has_the_digest_that_the_chain_covers(http: httpx.Client) -> None:
    events = one_of_each_kind(http).events()
    digests = [hashlib.sha256(canonical(event["payload"])).hexdigest() for event in events]
    assert [event["payload_digest"] for event in events] == digests


@pytest.mark.parametrize(
    ("action", "kind", "shown"),
    [
        ({"action_type": "read_logs", "log_filter": "loss"}, "read", ("train.log", "loss")),
        (
            {"action_type": "query_artifact", "artifact_name": "config.yaml", "field_path": "optimizer.momentum"},
            "query",
            ("config.yaml", "optimizer.momentum"),
        ),
        ({"action_type": "run_sanity_check", "sanity_check_type": "class_balance"}, "check", ("class_balance",)),
        ({"action_type": "run_experiment"}, "experiment", ("log_tail", "validation")),
        (REFUSED_QUERY, "refuse", ("unknown_field", "no.such.field")),
        (WRONG_DIAGNOSIS, "submit", (WRONG_DIAGNOSIS["failure_category"], "model_card.json", "0.9")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_payload_says_what_was_done(http: httpx.Client, action: Json, kind: str, shown: tuple[Any, ...]) -> None:
    episode = Episode(http, seed=5)
    episode.play(action)
    event = episode.events()[-1]
    assert event["kind"] == kind
    assert [text for text in shown if text not in str(event["payload"])] == []


def test_an_unknown_episode_has_no_events(http: httpx.Client) -> None:
    assert_problem(http.get("/episodes/nobody/events"), 404, "unknown_episode")
