"""A chain verifies exactly as long as nothing it covers was changed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.chain import EMPTY, GENESIS_HASH, Head, Link, NewEvent, canonical, link, verify_chain

texts = st.text(max_size=8)
new_events = st.builds(
    NewEvent,
    kind=texts,
    schema_version=st.integers(1, 9),
    recorded_at=texts,
    actor=texts,
    request_id=st.none() | texts,
    payload=st.binary(max_size=20),
)


def chain_of(events: list[NewEvent], stream_id: str = "s") -> list[Link]:
    linked: list[Link] = []
    head = EMPTY
    for event in events:
        linked.append(link(stream_id, head, event))
        head = Head(linked[-1].version, linked[-1].hash)
    return linked


@given(st.lists(new_events, max_size=8))
def test_what_was_linked_verifies_also_with_payloads_withheld(events: list[NewEvent]) -> None:
    linked = chain_of(events)
    assert verify_chain("s", linked) == ()
    assert verify_chain("s", [each._replace(payload=None) for each in linked]) == ()


@given(st.lists(new_events, min_size=2, max_size=6), st.data())
def test_a_missing_or_moved_event_breaks_the_chain(events: list[NewEvent], data: st.DataObject) -> None:
    linked = chain_of(events)
    at = data.draw(st.integers(0, len(linked) - 2))
    assert verify_chain("s", linked[:at] + linked[at + 1 :])
    swapped = [*linked[:at], linked[at + 1], linked[at], *linked[at + 2 :]]
    assert verify_chain("s", swapped)


EVENT = NewEvent(kind="read", schema_version=1, recorded_at="t", actor="a", request_id=None, payload=b"{}")


@pytest.mark.parametrize(
    "change",
    [
        {"stream_id": "other"},
        {"version": 3},
        {"kind": "check"},
        {"schema_version": 2},
        {"recorded_at": "u"},
        {"actor": "b"},
        {"request_id": "r"},
        {"request_id": ""},
        {"payload": b"[]"},
        {"payload_digest": bytes(32)},
        {"prev_hash": bytes(32)},
        {"hash": bytes(32)},
    ],
)
def test_a_change_of_any_covered_value_is_found(change: dict[str, Any]) -> None:
    linked = chain_of([EVENT, EVENT])
    assert verify_chain("s", [linked[0], linked[1]._replace(**change)])


def test_position_is_not_covered_and_a_cut_tail_needs_the_head() -> None:
    linked = chain_of([EVENT, EVENT])
    assert verify_chain("s", [each._replace(position=9) for each in linked]) == ()
    assert verify_chain("s", linked[:1]) == ()


def test_the_first_link_follows_genesis_and_the_recipe_is_public() -> None:
    import hashlib

    first = chain_of([EVENT])[0]
    covered = canonical(["s", 1, "read", 1, "t", "a", None, hashlib.sha256(b"{}").hexdigest()])
    assert first.hash == hashlib.sha256(GENESIS_HASH + covered).digest()


def test_canonical_bytes_do_not_depend_on_key_order_and_refuse_what_is_not_finite() -> None:
    assert canonical({"b": 1, "a": "ö"}) == canonical({"a": "ö", "b": 1}) == '{"a":"ö","b":1}'.encode()
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))
