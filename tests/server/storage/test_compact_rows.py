"""A store with the wide rows of earlier versions is brought to compact ones: every event stays as it was."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import Sequence

import pytest
from alembic import command
from sqlalchemy.engine import URL

from domain.chain import EMPTY, Link, NewEvent, verify_chain
from server.settings import Settings
from server.storage.backend import open_backend
from server.storage.engines import parse_url
from server.storage.errors import UnreadableEventError
from server.storage.migrations import _upgrade, upgrade_database
from server.store import EventStore
from tests.databases import execute
from tests.served import serving
from tests.server.storage.test_migrations import POSTGRES_PAGE
from tests.server.storage.test_store import PAYLOADS, after, append, event, head_of

pytestmark = pytest.mark.both_backends
BEFORE = "0009"
STREAMS = ("e", "k1234567.spring:1:1", "ö'%s")


@pytest.fixture
def url(database_url: str) -> URL:
    return parse_url(database_url)


@pytest.fixture
async def old_store(url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database as the version before wrote it, without rows."""
    newest = command.upgrade
    with monkeypatch.context() as patched:
        patched.setattr(command, "upgrade", lambda config, _: newest(config, BEFORE))
        patched.setattr("server.storage.migrations.create_tables", _upgrade)
        await upgrade_database(url)


def recorded() -> dict[str, list[Link]]:
    """Streams of events of every kind."""
    kinds = [(name.split()[0], payload) for name, payload in PAYLOADS.items()]
    return {stream: after(stream, EMPTY, *events_of(kinds, number)) for number, stream in enumerate(STREAMS)}


def events_of(kinds: Sequence[tuple[str, bytes]], number: int) -> list[NewEvent]:
    return [
        event(payload, f"r-{at}" if at % 3 == number else None)._replace(
            kind=kind,
            schema_version=1 + at % 4,
            recorded_at=f"2030-02-28T23:59:{50 + at}.{7 * at:03d}Z",
            actor=("agent", "server", "ö")[number],
        )
        for at, (kind, payload) in enumerate(kinds)
    ]


def as_new(link: Link) -> NewEvent:
    return NewEvent(link.kind, link.schema_version, link.recorded_at, link.actor, link.request_id, link.payload or b"")


def literal(value: object, *, is_sqlite: bool) -> str:
    """A value in SQL."""
    if isinstance(value, bytes):
        return f"x'{value.hex()}'" if is_sqlite else f"'\\x{value.hex()}'"
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


COLUMNS = (
    *("stream_id", "version", "kind", "schema_version", "recorded_at", "actor", "request_id", "payload"),
    *("prev_hash", "hash"),
)


def write_old(database_url: str, streams: dict[str, list[Link]]) -> None:
    """The rows that a server of the version before writes; the events of the streams in turns."""
    is_sqlite = database_url.startswith("sqlite")

    def inserted(table: str, names: Sequence[str], values: Sequence[object]) -> str:
        given = ", ".join(literal(each, is_sqlite=is_sqlite) for each in values)
        return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({given})"

    statements = []
    for at in range(max(map(len, streams.values()))):
        for linked in streams.values():
            for each in linked[at : at + 1]:
                values = each._replace(payload=(each.payload or b"").decode())._asdict()  # type: ignore[arg-type]
                statements.append(inserted("events", COLUMNS, [values[name] for name in COLUMNS]))
    for stream, linked in streams.items():
        row = {
            "episode_id": stream,
            "task_id": "easy",
            "reward_mode": "shaped",
            "version": len(linked),
            "head_hash": linked[-1].hash,
            "step_count": len(linked) - 1,
            "total_reward": 0,
            "agent": "ö",
            "started_at": linked[0].recorded_at,
            "updated_at": linked[-1].recorded_at,
        }
        statements.append(inserted("episodes", tuple(row), tuple(row.values())))
    execute(database_url, *statements)


async def read(settings: Settings, *streams: str) -> dict[str, list[Link]]:
    async with open_backend(settings) as backend:
        store = EventStore(backend.writer, backend.reader)
        return {name: list(await store.read(name)) for name in streams}


@pytest.mark.usefixtures("old_store")
async def test_every_event_stays_as_it_was(settings: Settings, database_url: str) -> None:
    streams = recorded()
    write_old(database_url, streams)
    found = await read(settings, *STREAMS)
    for name, linked in streams.items():
        assert [each._replace(position=None) for each in found[name]] == linked
        assert verify_chain(name, found[name]) == ()
    positions = sorted((each.position or 0, each.version) for links in found.values() for each in links)
    assert [version for _, version in positions] == [1 + at // 3 for at in range(len(positions))]


@pytest.mark.usefixtures("old_store")
async def test_the_rows_of_episodes_stay_as_they_were(settings: Settings, database_url: str) -> None:
    write_old(database_url, recorded())
    names = "episode_id, task_id, agent, reward_mode, version, head_hash, step_count, started_at, updated_at, score"
    before = execute(database_url, f"SELECT {names} FROM episodes ORDER BY episode_id")
    await upgrade_database(parse_url(settings.database_url))
    assert execute(database_url, f"SELECT {names} FROM recorded_episodes ORDER BY episode_id") == before


@pytest.mark.usefixtures("old_store")
async def test_the_upgrade_stores_an_event_as_an_append_does(settings: Settings, database_url: str) -> None:
    streams = recorded()
    write_old(database_url, streams)
    async with open_backend(settings) as backend:
        store = EventStore(backend.writer, backend.reader)
        await append(store, "new", 0, after("new", EMPTY, *map(as_new, streams["e"])))
    rows = (
        "SELECT version, kind, recorded_at, payload, digests FROM events AS e JOIN streams AS s ON s.stream = e.stream "
        "WHERE s.stream_id = '{}' ORDER BY version"
    )
    assert execute(database_url, rows.format("new")) == execute(database_url, rows.format("e"))


@pytest.mark.usefixtures("old_store")
async def test_episodes_go_on_after_the_upgrade(settings: Settings, database_url: str) -> None:
    streams = recorded()
    write_old(database_url, streams)
    async with open_backend(settings) as backend:
        store = EventStore(backend.writer, backend.reader)
        await append(store, "e", len(streams["e"]), after("e", head_of(streams["e"]), event(PAYLOADS["read"])))
        await append(store, "new", 0, after("new", EMPTY, event()))
        going_on, new = await store.read("e"), await store.read("new")
    assert verify_chain("e", going_on) == ()
    assert len(going_on) == len(streams["e"]) + 1
    assert (new[0].position or 0) > (going_on[-1].position or 0) > 3 * len(PAYLOADS)


@pytest.mark.parametrize("backend", ["postgres"])
@pytest.mark.usefixtures("old_store")
async def test_a_role_that_could_serve_before_can_serve_after_the_upgrade(url: URL, database_url: str) -> None:
    role = f"server_{url.database}"
    grants = re.findall(r"^GRANT .*;$", POSTGRES_PAGE.read_text(), flags=re.MULTILINE)
    execute(database_url, f"CREATE ROLE {role} LOGIN", *(each.replace("TO server", f"TO {role}") for each in grants))
    await upgrade_database(url)
    as_role = Settings(database_url=url.set(username=role).render_as_string(hide_password=False))
    async with serving(as_role) as served:
        assert (await served.client.post("/sessions/k/reset", json={"episode_id": "e"})).status_code == 200
        await served.step("e", {"action_type": "read_config"})
        assert (await served.client.get("/state", params={"episode_id": "e"})).json()["step_count"] == 1


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.usefixtures("old_store")
async def test_positions_that_were_given_out_are_not_given_out_again(settings: Settings, database_url: str) -> None:
    streams = recorded()
    write_old(database_url, streams)
    execute(database_url, "DROP TRIGGER events_refuse_delete", "DELETE FROM events WHERE position > 10")
    execute(database_url, "CREATE TRIGGER events_refuse_delete BEFORE DELETE ON events BEGIN SELECT 1; END")
    async with open_backend(settings) as backend:
        store = EventStore(backend.writer, backend.reader)
        await append(store, "new", 0, after("new", EMPTY, event()))
        (new,) = await store.read("new")
    assert new.position == len(STREAMS) * len(PAYLOADS) + 1


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize(
    ("change", "faults"),
    [
        ("payload = replace(payload, 'train.log', 'config.yaml') WHERE version = 2", {"hash"}),
        ("payload = x'00' WHERE version = 2", None),
        ("recorded_at = '2030-02-30T00:00:00.000Z' WHERE version = 2", {"hash"}),
        ("recorded_at = 'yesterday' WHERE version = 2", {"hash"}),
        ("hash = zeroblob(32) WHERE version = 2", {"hash", "prev_hash"}),
        ("hash = 'text' WHERE version = 2", None),
    ],
)
@pytest.mark.usefixtures("old_store")
async def test_what_was_changed_before_the_upgrade_is_found_after_it(
    settings: Settings, database_url: str, change: str, faults: set[str] | None
) -> None:
    write_old(database_url, recorded())
    execute(
        database_url,
        "DROP TRIGGER events_refuse_update",
        f"UPDATE events SET {change} AND stream_id = 'e'",
        "CREATE TRIGGER events_refuse_update BEFORE UPDATE ON events BEGIN SELECT 1; END",
    )
    if faults is None:
        with pytest.raises(UnreadableEventError, match="another type"):
            await read(settings, "e")
        return
    broken = verify_chain("e", (await read(settings, "e"))["e"])
    assert {each.fault for each in broken} >= {"hash"}
    assert {each.fault for each in broken} <= faults


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("statement", ["INSERT INTO streams", "INSERT INTO events", "DROP TABLE events_before"])
@pytest.mark.usefixtures("old_store")
async def test_an_upgrade_that_is_killed_leaves_the_store_as_it_was(
    settings: Settings, database_url: str, statement: str
) -> None:
    streams = recorded()
    write_old(database_url, streams)
    program = (
        "import os\n"
        "from sqlalchemy import Engine, event\n"
        "from server.storage.engines import create_write_engine, parse_url\n"
        "from server.storage.migrations import upgrade\n"
        "@event.listens_for(Engine, 'after_cursor_execute')\n"
        "def die(connection, cursor, statement, *_):\n"
        f"    if statement.startswith({statement!r}): os.kill(os.getpid(), 9)\n"
        f"upgrade(create_write_engine(parse_url({database_url!r})))\n"
    )
    ended = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    assert await ended.wait() == -signal.SIGKILL
    assert execute(database_url, "SELECT version_num FROM alembic_version") == [(BEFORE,)]
    assert execute(database_url, "SELECT count(*) FROM events") == [(len(STREAMS) * len(PAYLOADS),)]
    found = await read(settings, "e")
    assert [each._replace(position=None) for each in found["e"]] == streams["e"]
