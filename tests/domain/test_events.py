"""The closed union of events and its codec. Golden logs stay readable for ever."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.actions import QueryArtifact
from domain.chain import Link, canonical, digest_of, verify_chain
from domain.diagnosis import PatchEntry, PatchValue
from domain.episode.decide import fold
from domain.events import (
    EVENT_KINDS,
    EVENT_TYPES,
    UPCASTERS,
    ActionRefused,
    ArtifactRead,
    CheckRun,
    EncodedEvent,
    EpisodeReset,
    Event,
    ExperimentRun,
    FieldQueried,
    UnknownEventError,
    decode,
    encode,
)
from tests.domain.given import CHECK, CONFIG, LACKING, QUERY, TOO_HIGH, UNKNOWN, events_of, experiment, reset, submit

GOLDEN = Path(__file__).parent / "golden"


def test_every_kind_has_exactly_one_event() -> None:
    assert tuple(event.kind for event in EVENT_TYPES) == EVENT_KINDS
    assert get_args(Event) == EVENT_TYPES


@pytest.mark.parametrize(
    "event", events_of([reset(), CONFIG, QUERY, CHECK, experiment(), UNKNOWN, LACKING, TOO_HIGH, submit()])
)
def test_decoding_gives_the_event_that_was_encoded(event: Event) -> None:
    assert decode(encode(event)) == event
    assert encode(event).payload == canonical(json.loads(encode(event).payload))


@given(st.text(max_size=40))
def test_what_an_agent_wrote_is_stored_in_canonical_form(written: str) -> None:
    read = ArtifactRead(artifact="train.log", log_filter=written, observation_digest="d")
    query = FieldQueried(artifact="config.yaml", field=written, observation_digest="d")
    check = CheckRun(check="data_leakage", observation_digest="d")
    for event in (read, query, check):
        assert encode(event).payload == canonical(event.model_dump(mode="json"))


@pytest.mark.parametrize(("kind", "schema_version"), [("vanish", 1), ("read", 2), ("read", 0), ("", 1)])
def test_an_unknown_event_is_refused(kind: str, schema_version: int) -> None:
    with pytest.raises(UnknownEventError) as refused:
        decode(EncodedEvent(kind, schema_version, b"{}"))
    assert (refused.value.kind, refused.value.schema_version) == (kind, schema_version)


@pytest.mark.parametrize("payload", [b"{", b"[]", b"{}", b'{"reason":"bored"}', b'{"reason":"idle","more":1}'])
def test_a_payload_of_another_shape_is_refused(payload: bytes) -> None:
    with pytest.raises(ValidationError):
        decode(EncodedEvent("expire", 1, payload))


def test_old_payloads_are_upgraded_one_version_at_a_time() -> None:
    class ArtifactReadV3(ArtifactRead):
        schema_version = 3
        reader: str

    def upcast_read_1_to_2(payload: dict[str, Any]) -> dict[str, Any]:
        return {**payload, "who": "agent"}

    def upcast_read_2_to_3(payload: dict[str, Any]) -> dict[str, Any]:
        return {"reader": payload.pop("who"), **payload}

    old = encode(ArtifactRead(artifact="config.yaml", log_filter=None, observation_digest="d"))
    upgraded = decode(
        old,
        types={"read": ArtifactReadV3},
        upcasters={("read", 1): upcast_read_1_to_2, ("read", 2): upcast_read_2_to_3},
    )
    assert isinstance(upgraded, ArtifactReadV3)
    assert upgraded.reader == "agent"


def test_every_step_between_versions_has_its_upcaster() -> None:
    needed = {(event.kind, version) for event in EVENT_TYPES for version in range(1, event.schema_version)}
    assert set(UPCASTERS) == needed


@pytest.mark.parametrize(
    ("version", "score", "total", "steps"),
    [(1, 0.15, 0.2, 6), (2, 0.15, 0.18, 5), (3, 0.6, 0.67, 6), (4, 0.15, 0.18, 9), (5, 0.15, 0.18, 10)],
)
def test_the_golden_log_of_every_schema_still_verifies_and_folds(
    version: int, score: float, total: float, steps: int
) -> None:
    recorded = json.loads((GOLDEN / f"schema_{version}.json").read_text())
    links = [
        Link(
            **{**each, "payload": each["payload"].encode()},
            position=None,
            payload_digest=digest_of(each["payload"].encode()),
        )
        for each in (_with_bytes(each) for each in recorded)
    ]
    assert verify_chain(f"golden-{version}", links) == ()
    assert max(each.schema_version for each in links) == version
    state = fold(decode(EncodedEvent(each.kind, each.schema_version, each.payload or b"")) for each in links)
    assert state is not None
    has_experiments = version >= 4
    assert {each.kind for each in links} == set(EVENT_KINDS) - (
        {"expire"} if has_experiments else {"expire", "experiment"}
    )
    assert (state.ended, state.score, state.total_reward, state.step_count) == ("submitted", score, total, steps)
    round_played = ("spring", 2, 1, "k0a1b2c3d") if version == 2 else None
    begun = state.reset
    assert (begun.split, begun.max_experiments, state.experiments) == (
        "train",
        *((2, 2) if has_experiments else (0, 0)),
    )
    assert (begun.control, begun.invalid_actions) == (("agent", "step") if version == 5 else (None, "error"))
    assert ((begun.round, begun.entry, begun.attempt, begun.key) if begun.round else None) == round_played


def test_a_reset_of_version_3_is_read_as_it_was_written() -> None:
    written = (GOLDEN / "reset_3.json").read_bytes().rstrip()
    begun = decode(EncodedEvent("reset", 3, written))
    assert isinstance(begun, EpisodeReset)
    assert (begun.split, begun.round, begun.max_experiments) == ("test", "spring", 0)
    added = {"max_experiments": 0, "control": None, "invalid_actions": "error"}
    assert encode(begun).payload == canonical({**json.loads(written), **added})


def test_a_refusal_of_version_1_was_of_a_query() -> None:
    written = {"artifact": "config.yaml", "field": "no.such", "observation_digest": "d", "reason": "unknown_field"}
    refused = decode(EncodedEvent("refuse", 1, canonical(written)))
    assert isinstance(refused, ActionRefused)
    assert refused.action == QueryArtifact("config.yaml", "no.such")
    assert encode(refused).payload == canonical({**written, "patch": None, "text": None, "sent_digest": None})


@pytest.mark.parametrize("value", [1, 1.0, True, "1", None, 1e300])
def test_a_value_of_a_patch_is_stored_with_its_type(value: PatchValue) -> None:
    patch = (PatchEntry(file="config.yaml", field="training.epochs", value=value),)
    (*_, event) = events_of([reset(), experiment(patch=patch)])
    again = decode(encode(event))
    assert isinstance(again, ExperimentRun)
    assert repr(again.patch[0].value) == repr(again.result.patch[0].value) == repr(value)


def _with_bytes(each: dict[str, Any]) -> dict[str, Any]:
    return {**each, "prev_hash": bytes.fromhex(each["prev_hash"]), "hash": bytes.fromhex(each["hash"])}
