"""The contract of the event store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise

import pytest
from sqlalchemy import text

from domain.chain import EMPTY, Head, Link, NewEvent, link, verify_chain
from server.settings import Settings
from server.storage.backend import open_backend
from server.storage.errors import RequestIdReusedError, WrongExpectedVersionError
from server.storage.sql import Statement, StatementRow
from server.storage.writers.protocol import Append, Commit
from server.store import EventStore
from tests.databases import LostError, execute

pytestmark = [pytest.mark.both_backends, pytest.mark.always_postgres]
KEEP = Statement(
    text(
        "INSERT INTO scenarios (digest, generator_version, task_id, seed, body) "
        "VALUES (:digest, '1', 'easy', '1', :body)"
    ),
    ("digest", "body"),
)


def event(payload: bytes = b"{}", request_id: str | None = None) -> NewEvent:
    return NewEvent(
        kind="read",
        schema_version=1,
        recorded_at="2030-01-01T00:00:00.000Z",
        actor="agent",
        request_id=request_id,
        payload=payload,
    )


def after(stream_id: str, head: Head, *events: NewEvent) -> list[Link]:
    linked: list[Link] = []
    for each in events:
        linked.append(link(stream_id, head, each))
        head = Head(linked[-1].version, linked[-1].hash)
    return linked


def head_of(linked: list[Link]) -> Head:
    return Head(linked[-1].version, linked[-1].hash)


async def append(
    store: EventStore, stream_id: str, expected_version: int, linked: Sequence[Link], rows: Sequence[StatementRow] = ()
) -> None:
    """Append to one stream."""
    await store.append(Commit((Append(stream_id, expected_version, tuple(linked), tuple(rows)),)))


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[EventStore]:
    async with open_backend(settings) as backend:
        yield EventStore(backend.writer, backend.reader)


async def test_events_are_read_back_in_order_and_verify(store: EventStore) -> None:
    linked = after("s", EMPTY, event(b'{"a":"\xc3\xb6"}'), event(b"[]", "r-1"))
    await append(store, "s", 0, linked[:1])
    await append(store, "s", 1, linked[1:])
    stored = await store.read("s")
    assert [(each.version, each.payload, each.request_id) for each in stored] == [
        (1, b'{"a":"\xc3\xb6"}', None),
        (2, b"[]", "r-1"),
    ]
    assert verify_chain("s", stored) == ()
    positions = [each.position or 0 for each in stored]
    assert positions == sorted(positions)


async def test_an_unknown_stream_is_empty(store: EventStore) -> None:
    assert await store.read("nobody") == ()


@pytest.mark.parametrize("stale", [0, 1, 3])
async def test_a_wrong_expected_version_is_refused_with_the_actual_one(store: EventStore, stale: int) -> None:
    first = after("s", EMPTY, event(), event())
    await append(store, "s", 0, first)
    racing = after("s", Head(stale, b"x" * 32), event())
    with pytest.raises(WrongExpectedVersionError) as refused:
        await append(store, "s", stale, racing)
    assert (refused.value.expected, refused.value.actual) == (stale, 2)
    assert len(await store.read("s")) == 2


async def test_a_link_to_another_past_is_refused(store: EventStore) -> None:
    await append(store, "s", 0, after("s", EMPTY, event()))
    with pytest.raises(Exception, match="events_follow"):
        await append(store, "s", 1, after("s", Head(1, b"x" * 32), event()))


async def test_a_request_id_is_taken_once_in_a_stream_and_looked_up_before_the_version(store: EventStore) -> None:
    first = after("s", EMPTY, event(request_id="r-1"))
    await append(store, "s", 0, first)
    with pytest.raises(RequestIdReusedError):
        await append(store, "s", 1, after("s", head_of(first), event(request_id="r-1")))
    with pytest.raises(RequestIdReusedError):
        await append(store, "s", 0, after("s", EMPTY, event(request_id="r-1")))
    await append(store, "other", 0, after("other", EMPTY, event(request_id="r-1")))


async def test_the_appends_of_a_commit_are_written_together_or_not_at_all(store: EventStore) -> None:
    old = after("old", EMPTY, event())
    await append(store, "old", 0, old)
    ending = Append("old", 1, tuple(after("old", head_of(old), event())))
    await store.append(Commit((Append("new", 0, tuple(after("new", EMPTY, event()))), ending)))
    assert [len(await store.read(name)) for name in ("old", "new")] == [2, 1]
    with pytest.raises(WrongExpectedVersionError) as refused:
        await store.append(Commit((Append("next", 0, tuple(after("next", EMPTY, event()))), ending)))
    assert (refused.value.stream_id, refused.value.actual) == ("old", 2)
    assert await store.read("next") == ()


async def test_commits_that_share_a_stream_take_turns(store: EventStore) -> None:
    old = after("old", EMPTY, event())
    await append(store, "old", 0, old)
    step = tuple(after("old", head_of(old), event()))
    beginning = Commit((Append("new", 0, tuple(after("new", EMPTY, event()))), Append("old", 1, step)))
    outcomes = await asyncio.gather(append(store, "old", 1, step), store.append(beginning), return_exceptions=True)
    assert [type(each) for each in outcomes] == [type(None), WrongExpectedVersionError]
    assert await store.read("new") == ()


async def test_several_events_are_appended_together_or_not_at_all(store: EventStore) -> None:
    first = after("s", EMPTY, event(request_id="r-1"))
    await append(store, "s", 0, first)
    with pytest.raises(RequestIdReusedError):
        await append(store, "s", 1, after("s", head_of(first), event(), event(request_id="r-1")))
    assert len(await store.read("s")) == 1


async def test_of_many_racers_one_wins_and_the_others_learn_the_version(store: EventStore) -> None:
    outcomes = await asyncio.gather(
        *(append(store, "s", 0, after("s", EMPTY, event(b"%d" % n))) for n in range(20)), return_exceptions=True
    )
    assert outcomes.count(None) == 1
    losers = [each for each in outcomes if each is not None]
    assert all(isinstance(each, WrongExpectedVersionError) and each.actual == 1 for each in losers)


async def test_a_conflict_fails_alone(store: EventStore) -> None:
    await append(store, "old", 0, after("old", EMPTY, event()))
    streams = [*(f"s{n}" for n in range(9)), "old"]
    outcomes = await asyncio.gather(
        *(append(store, name, 0, after(name, EMPTY, event())) for name in streams), return_exceptions=True
    )
    assert outcomes[:-1] == [None] * 9
    assert isinstance(outcomes[-1], WrongExpectedVersionError)


async def test_rows_are_written_with_the_append_and_dropped_with_a_conflict(
    store: EventStore, database_url: str
) -> None:
    first = after("s", EMPTY, event())
    await append(store, "s", 0, first, [StatementRow(KEEP, ("kept", b""))])
    with pytest.raises(WrongExpectedVersionError):
        await append(store, "s", 0, first, [StatementRow(KEEP, ("dropped", b""))])
    assert execute(database_url, "SELECT digest FROM scenarios") == [("kept",)]


async def test_a_row_that_cannot_be_written_fails_its_append_alone(store: EventStore, database_url: str) -> None:
    outcomes = await asyncio.gather(
        *(
            append(store, name, 0, after(name, EMPTY, event()), [StatementRow(KEEP, (name, body))])
            for name, body in (("a", b""), ("b", None), ("c", b""))
        ),
        return_exceptions=True,
    )
    assert [outcome is None for outcome in outcomes] == [True, False, True]
    assert execute(database_url, "SELECT stream_id FROM recorded_events ORDER BY stream_id") == [("a",), ("c",)]


@pytest.mark.parametrize("table", ["events", "streams", "scenarios"])
@pytest.mark.parametrize("change", ["UPDATE {table} SET {key} = {key}", "DELETE FROM {table}", "TRUNCATE {table}"])
async def test_changing_what_is_recorded_is_refused(
    store: EventStore, database_url: str, backend: str, table: str, change: str
) -> None:
    if backend == "sqlite" and change.startswith("TRUNCATE"):
        pytest.skip("SQLite has no TRUNCATE")
    await append(store, "s", 0, after("s", EMPTY, event()), [StatementRow(KEEP, ("d", b""))])
    key = {"events": "stream", "streams": "stream", "scenarios": "digest"}[table]
    with pytest.raises(LostError, match="append-only"):
        execute(database_url, change.format(table=table, key=key))


COLUMNS = "stream_id, version, kind, schema_version, recorded_at, actor, request_id, payload, prev_hash, hash"
REPLACEMENTS = {
    "sqlite": [
        "INSERT OR REPLACE INTO events SELECT * FROM events",
        f"INSERT OR REPLACE INTO recorded_events ({COLUMNS}) SELECT {COLUMNS} FROM recorded_events",
        "INSERT OR REPLACE INTO streams SELECT * FROM streams",
        "INSERT OR REPLACE INTO streams (stream_id) SELECT stream_id FROM streams",
        "INSERT OR REPLACE INTO scenarios SELECT digest, generator_version, task_id, seed, x'ff', split FROM scenarios",
    ],
    "postgres": [
        "INSERT INTO events SELECT * FROM events ON CONFLICT (position) DO UPDATE SET payload = '[]'",
        "INSERT INTO events SELECT * FROM events ON CONFLICT (stream, version) DO UPDATE SET payload = '[]'",
        "INSERT INTO streams SELECT * FROM streams ON CONFLICT (stream) DO UPDATE SET stream_id = 't'",
        "INSERT INTO streams (stream_id) SELECT 's' ON CONFLICT (stream_id) DO UPDATE SET stream_id = 't'",
        "INSERT INTO scenarios SELECT digest, generator_version, task_id, seed, '\\xff', split FROM scenarios "
        "ON CONFLICT (digest) DO UPDATE SET body = excluded.body",
    ],
}


@pytest.mark.parametrize("number", range(5))
async def test_replacing_what_is_recorded_is_refused(
    store: EventStore, database_url: str, backend: str, number: int
) -> None:
    await append(store, "s", 0, after("s", EMPTY, event()), [StatementRow(KEEP, ("d", b""))])
    with pytest.raises(LostError, match="append-only"):
        execute(database_url, REPLACEMENTS[backend][number])


async def test_a_conflict_has_the_name_of_its_constraint_on_every_backend(store: EventStore, database_url: str) -> None:
    await append(store, "s", 0, after("s", EMPTY, event(request_id="r")))
    with pytest.raises(LostError, match="uq_events_stream_version"):
        execute(database_url, f"INSERT INTO recorded_events ({COLUMNS}) SELECT {COLUMNS} FROM recorded_events")
    second = after("s", head_of(list(await store.read("s"))), event())
    await append(store, "s", 1, second)
    follows = COLUMNS.replace("version,", "3,", 1).replace(
        "prev_hash,", "(SELECT max(hash) FROM recorded_events WHERE version = 2),"
    )
    with pytest.raises(LostError, match="uq_events_stream_request_id"):
        execute(
            database_url,
            f"INSERT INTO recorded_events ({COLUMNS}) SELECT {follows} FROM recorded_events WHERE version = 1",
        )


STORED = "stream, version, kind, schema_version, recorded_at, actor, request_id, payload, digests, hash"


@pytest.mark.parametrize(("table", "columns"), [("recorded_events", COLUMNS), ("events", STORED)])
async def test_a_gap_is_refused_on_every_backend(
    store: EventStore, database_url: str, table: str, columns: str
) -> None:
    await append(store, "s", 0, after("s", EMPTY, event()))
    gap = columns.replace("version,", "version + 2,", 1)
    with pytest.raises(LostError, match="events_follow"):
        execute(database_url, f"INSERT INTO {table} ({columns}) SELECT {gap} FROM {table}")


@pytest.mark.parametrize("changed", ["version", "prev_hash"])
async def test_an_event_of_a_stream_that_did_not_begin_is_refused_on_every_backend(
    store: EventStore, database_url: str, changed: str
) -> None:
    await append(store, "s", 0, after("s", EMPTY, event()))
    instead = {"version": ("version,", "version + 1,"), "prev_hash": ("prev_hash,", "hash,")}[changed]
    other = COLUMNS.replace(*instead, 1).replace("stream_id,", "'other',", 1)
    with pytest.raises(LostError, match="events_follow"):
        execute(database_url, f"INSERT INTO recorded_events ({COLUMNS}) SELECT {other} FROM recorded_events")


PAYLOADS = {
    "reset": (
        b'{"agent":null,"attempt":null,"entry":null,"generator_version":"5","key":null,"max_experiments":2,"max_steps":30,'
        b'"observation_digest":"f263bf5329112db6a8f57058b60682ae","observation_version":"2","reward_mode":"shaped",'
        b'"round":null,"rubric_version":"2","scenario_digest":"cd1b69bb7e2594ff16a8f17c51005a1b10df8856f060c576ce5106953c1063aa",'
        b'"seed":1000005,"seed_given":true,"session":"hmac:'
        b'0d1b69bb7e2594ff16a8f17c51005a1b10df8856f060c576ce5106953c1063a0","split":"train","task_id":"medium"}'
    ),
    "read": b'{"artifact":"train.log","log_filter":null,"observation_digest":"bf57bcaf87f38da97d36647918d21a01"}',
    "read with a filter": (
        b'{"artifact":"train.log","log_filter":"\\"observation_digest\\":\\"bf57bcaf87f38da97d36647918d21a01\\"\\u001f",'
        b'"observation_digest":"bf57bcaf87f38da97d36647918d21a02"}'
    ),
    "check": b'{"check":"data_leakage","observation_digest":"BF57BCAF87F38DA97D36647918D21A01"}',
    "query": b'{"artifact":"config.yaml","field":"\xc3\xb6","observation_digest":"bf57bcaf87f38da97d36647918d21a01"}',
    "submit": (
        b'{"entries":[{"credit":1.0,"diagnosis":{"confidence":0.9,"failure_category":"data_leakage","patch":[{"field":"a",'
        b'"file":"b","value":"c"}]},"points":[0.15,0.25,0.3,0.3],"verdict":"twin"}],'
        b'"observation_digest":"e28362ff5bfc444fc7b84bd3fdd4c70e","rubric":"2","score":0.99}'
    ),
    "expire": b'{"reason":"idle"}',
    "unknown": b'{"session":"hmac:0d1b69bb7e2594ff16a8f17c51005a1b10df8856f060c576ce5106953c1063a0"}',
    "check that is not canonical": b'{"check":"\x01\x1f\x1e\x1d","observation_digest":"bf57bcaf87f38da97d36647918d21a01"}',
}


@pytest.mark.parametrize("name", PAYLOADS)
async def test_every_byte_of_a_payload_is_read_back(store: EventStore, name: str) -> None:
    await append(store, "s", 0, after("s", EMPTY, event(PAYLOADS[name])._replace(kind=name.split()[0])))
    (stored,) = await store.read("s")
    assert stored.payload == PAYLOADS[name]
    assert verify_chain("s", [stored]) == ()


STORED_PAYLOADS = {
    "reset": (
        '{"agent":null,"attempt":null,"entry":null,"generator_version":"5","key":null,"max_experiments":2,"max_steps":30,'
        '\x1f,"observation_version":"2","reward_mode":"shaped","round":null,"rubric_version":"2",\x1e,"seed":1000005,'
        '"seed_given":true,\x1d,"split":"train","task_id":"medium"}'
    ),
    "read": '{"artifact":"train.log","log_filter":null,\x1f}',
    "query": '{"artifact":"config.yaml","field":"ö",\x1f}',
    "expire": '{"reason":"idle"}',
}


@pytest.mark.parametrize("name", STORED_PAYLOADS)
async def test_a_stored_payload_is_the_recorded_one_but_for_its_digests(
    store: EventStore, database_url: str, name: str
) -> None:
    await append(store, "s", 0, after("s", EMPTY, event(PAYLOADS[name])._replace(kind=name)))
    assert execute(database_url, "SELECT payload FROM events") == [(STORED_PAYLOADS[name],)]


@pytest.mark.parametrize(
    "moment",
    ["1970-01-01T00:00:00.000Z", "2028-02-29T23:59:59.999Z", "2030-01-01T00:00:00.001Z", "9999-12-31T23:59:59.070Z"],
)
async def test_a_time_is_read_back_as_it_was_recorded(store: EventStore, moment: str) -> None:
    await append(store, "s", 0, after("s", EMPTY, event()._replace(recorded_at=moment)))
    (stored,) = await store.read("s")
    assert stored.recorded_at == moment


async def test_appending_what_does_not_follow_is_a_mistake_of_the_caller(store: EventStore) -> None:
    with pytest.raises(ValueError, match="linked"):
        await append(store, "s", 3, after("s", EMPTY, event()))


async def test_on_two_servers_each_version_has_one_winner(settings: Settings) -> None:
    async with open_backend(settings) as here, open_backend(settings) as there:
        stores = [EventStore(each.writer, each.reader) for each in (here, there)]

        async def race(number: int) -> int:
            won = 0
            while len(stream := await stores[number % 2].read("s")) < 30:
                head = head_of(list(stream)) if stream else EMPTY
                try:
                    await append(stores[number % 2], "s", head.version, after("s", head, event(b"%d" % number)))
                    won += 1
                except WrongExpectedVersionError:
                    pass
            return won

        wins = await asyncio.gather(*(race(number) for number in range(6)))
        stored = await stores[0].read("s")
    print(f"wins of six racers on two servers: {wins}")
    assert sum(wins) == len(stored) >= 30
    assert verify_chain("s", stored) == ()
    assert all((one.position or 0) < (next_one.position or 0) for one, next_one in pairwise(stored))
