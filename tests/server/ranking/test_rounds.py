"""Ranked rounds: the meaning of a reset of an entry, and that attempts are counted once."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.util import await_only

from domain.generator import GENERATOR_VERSION
from domain.ranking.rounds import AttemptId, attempt_fault, attempt_seed, commitment_to, round_of_name
from domain.tasks.suites import RANKED_1, RANKED_2, RANKED_3
from server.episodes.commands import ResetRequest
from server.episodes.errors import RoundClosedError
from server.ranking.closing import ClosedRound, close_round
from server.ranking.errors import UnknownRoundError
from server.ranking.rounds import RetiredSuiteError, RoundNameError, Rounds
from server.scenarios.reserve import Expected
from server.security.api_keys import create_key
from server.security.identity import Identity
from server.security.secret_files import SecretFiles, SecretLostError, secrets_folder
from server.settings import Settings
from server.storage.schema import attempts
from server.storage.writers import batch
from tests.databases import execute
from tests.hand_made import HandMadeSimulation
from tests.operating import changed
from tests.rounds import opened
from tests.served import START, Served, assert_problem, serving

NOW = "2030-01-01T00:00:00.000Z"
READ = {"action_type": "read_config"}
SUBMIT = {"action_type": "submit_diagnosis"}


def key_of(settings: Settings, name: str) -> str:
    return changed(settings, lambda connection: create_key(connection, name, ("agent",), kind="agent", now=NOW))


@pytest.fixture
def ann(settings: Settings) -> str:
    return key_of(settings, "ann")


@pytest.fixture
async def playing(settings: Settings, ann: str) -> AsyncIterator[Served]:
    opened(settings)
    async with serving(settings) as served:
        served.client.headers["Authorization"] = f"Bearer {ann}"
        yield served


def stored_bytes(settings: Settings) -> bytes:
    database = Path(settings.database_url.removeprefix("sqlite:///"))
    return database.read_bytes() + database.with_name(f"{database.name}-wal").read_bytes()


async def ranked(served: Served, entry: int = 1, **beside: Any) -> dict[str, Any]:
    return (await served.reset(round="spring", entry=entry, **beside))["info"]


async def closed(served: Served, settings: Settings, name: str = "spring") -> ClosedRound:
    files, here = SecretFiles(secrets_folder(settings)), served.services
    return await close_round(settings.database_url, here.reader, here.episodes, files, name, clock=lambda: START)


@pytest.mark.both_backends
async def test_an_attempt_has_the_seed_and_the_fault_that_the_secret_gives(playing: Served, ann: str) -> None:
    info = await ranked(playing, entry=2)
    prefix = ann.split("_")[1]
    assert (info["episode_id"], info["task_id"]) == (f"{prefix}.spring:2:1", "medium")
    ended = (await playing.step(info["episode_id"], SUBMIT))["info"]
    secret, attempt = bytes(range(32)), AttemptId("spring", "ann", 2, 1)
    assert ended["seed"] == f"{attempt_seed(secret, attempt):032x}"
    assert ended["ground_truth"]["fault_id"] == attempt_fault(secret, attempt, RANKED_1)


async def test_what_an_agent_may_begin_next_is_expected_as_the_secret_gives_it(
    settings: Settings, playing: Served
) -> None:
    expected: list[Expected] = []
    files = SecretFiles(secrets_folder(settings))
    rounds = Rounds(playing.services.reader, files, generator_version="hand-made", expect=expected.append)
    identity = Identity(name="ann", prefix="k01234567", scopes=frozenset({"agent"}))
    await rounds.authorize_attempt(identity, ResetRequest(round="spring", entry=2, attempt=1))
    secret = bytes(range(32))
    for found, (entry, attempt) in zip(expected, [(3, 1), (2, 2)], strict=True):
        following, task_id = AttemptId("spring", "ann", entry, attempt), RANKED_1.task_of(entry)
        fault = attempt_fault(secret, following, RANKED_1)
        assert found == Expected(task_id, attempt_seed(secret, following), "test", fault)
    expected.clear()
    last = len(RANKED_1.entries)
    await rounds.authorize_attempt(identity, ResetRequest(round="spring", entry=last, attempt=2))
    assert expected == []


async def test_the_secret_is_in_a_file_of_its_owner_and_not_in_the_database(
    settings: Settings, playing: Served
) -> None:
    await ranked(playing)
    folder = secrets_folder(settings)
    file = folder / "round-spring.secret"
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(folder.stat().st_mode)) == (0o600, 0o700)
    stored, secret = stored_bytes(settings), bytes(range(32))
    assert secret not in stored
    assert secret.hex().encode() not in stored


async def test_a_round_publishes_its_commitment_and_no_secret(playing: Served) -> None:
    (published,) = (await playing.client.get("/rounds")).json()["rounds"]
    assert published["commitment"] == commitment_to(bytes(range(32)))
    assert (published["secret"], published["closed_at"], published["attempts"]) == (None, None, 2)
    assert published["suite"] == RANKED_1.to_json()


async def test_a_reset_whose_answer_got_lost_is_the_same_attempt(playing: Served) -> None:
    first, again = await ranked(playing), await ranked(playing)
    assert first == again
    await playing.step(first["episode_id"], READ)
    assert (await ranked(playing))["step_count"] == 1
    assert (await ranked(playing, attempt=1))["step_count"] == 1


@pytest.mark.both_backends
async def test_resets_that_race_are_one_attempt(playing: Served) -> None:
    answers = await asyncio.gather(*(ranked(playing) for _ in range(8)))
    assert {each["episode_id"] for each in answers} == {answers[0]["episode_id"]}


@pytest.mark.both_backends
async def test_an_ended_attempt_is_followed_by_the_next_until_all_are_used(playing: Served) -> None:
    names = []
    for _ in range(2):
        info = await ranked(playing)
        names.append(info["episode_id"])
        await playing.step(info["episode_id"], SUBMIT)
    assert [name.rsplit(":", 1)[1] for name in names] == ["1", "2"]
    for beside in ({}, {"attempt": 3}):
        body = {"round": "spring", "entry": 1, **beside}
        assert_problem(await playing.client.post("/reset", json=body), 409, "attempts_used")
    assert (await ranked(playing, attempt=1))["score"] == 0.01
    assert (await ranked(playing, entry=4))["episode_id"].endswith(":4:1")


async def test_agents_do_not_share_attempts(playing: Served, settings: Settings) -> None:
    mine = await ranked(playing)
    playing.client.headers["Authorization"] = f"Bearer {key_of(settings, 'bob')}"
    his = await ranked(playing)
    assert mine["episode_id"].split(".")[1] == his["episode_id"].split(".")[1]
    assert mine["episode_id"] != his["episode_id"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"round": "autumn", "entry": 1}, 404, "unknown_round"),
        ({"round": "spring", "entry": 10}, 404, "unknown_entry"),
        ({"round": "spring"}, 422, "invalid"),
        ({"entry": 1}, 422, "invalid"),
        ({"attempt": 1}, 422, "invalid"),
        ({"round": "spring", "entry": 1, "seed": 7}, 422, "invalid"),
        ({"round": "spring", "entry": 1, "task_id": "hard"}, 422, "invalid"),
    ],
)
async def test_what_a_round_decides_cannot_be_asked_for(
    playing: Served, body: dict[str, Any], status: int, code: str
) -> None:
    assert_problem(await playing.client.post("/reset", json=body), status, code)


async def test_a_client_that_always_names_its_episodes_gets_the_name_of_the_attempt(playing: Served) -> None:
    assert (await ranked(playing, episode_id="mine"))["episode_id"].endswith(".spring:1:1")


async def test_a_ranked_attempt_needs_a_key(playing: Served) -> None:
    del playing.client.headers["Authorization"]
    refused = await playing.client.post("/reset", json={"round": "spring", "entry": 1})
    assert_problem(refused, 401, "key_required")


async def test_a_round_of_another_generator_is_not_played(settings: Settings, ann: str) -> None:
    opened(settings, generator="other")
    async with serving(settings) as served:
        body = {"round": "spring", "entry": 1}
        refused = await served.client.post("/reset", json=body, headers={"X-API-Key": ann})
        assert_problem(refused, 409, "round_version")


async def test_an_attempt_is_taken_up_from_another_session_of_the_key(playing: Served, ann: str) -> None:
    frame = {"type": "reset", "data": {"round": "spring", "entry": 1}}
    async with playing.socket("/sessions/first/ws", key=ann) as socket:
        await socket.say(frame)
        await socket.say({"type": "step", "data": READ})
    async with playing.socket("/sessions/second/ws", key=ann) as socket:
        assert (await socket.say(frame))["data"]["metadata"]["version"] == 2
        assert (await socket.say({"type": "step", "data": SUBMIT}))["data"]["done"] is True


async def test_a_ranked_reset_on_a_session_goes_on_there(playing: Served, ann: str) -> None:
    frame = {"type": "reset", "data": {"round": "spring", "entry": 1}}
    async with playing.socket("/sessions/s/ws", key=ann) as socket:
        first = await socket.say(frame)
        await socket.say({"type": "step", "data": READ})
    async with playing.socket("/sessions/s/ws", key=ann) as socket:
        again = await socket.say(frame)
        assert again["data"]["metadata"] == first["data"]["metadata"] | {"version": 2, "step_count": 1}
        left = await socket.say({"type": "reset", "data": {"round": "spring", "entry": 1, "attempt": 2}})
        assert left["data"]["metadata"]["episode_id"].endswith(":1:2")
    ended = await ranked(playing, attempt=1)
    assert (ended["truncated"], ended["score"]) == (True, 0.01)


@pytest.mark.both_backends
async def test_closing_expires_what_runs_and_reveals_the_secret(playing: Served, settings: Settings) -> None:
    running = await ranked(playing)
    done = await ranked(playing, entry=2)
    await playing.step(done["episode_id"], {**SUBMIT, "root_cause_file": "preprocessing.py"})
    assert await closed(playing, settings) == ClosedRound(1, bytes(range(32)).hex())
    state = (await playing.client.get(f"/state?episode_id={running['episode_id']}")).json()
    assert (state["done"], state["score"]) == (True, 0.01)
    step = await playing.step(running["episode_id"], READ)
    assert (step["done"], step["reward"]) == (True, 0.0)
    (published,) = (await playing.client.get("/rounds")).json()["rounds"]
    assert published["secret"] == bytes(range(32)).hex()
    refused = await playing.client.post("/reset", json={"round": "spring", "entry": 3})
    assert_problem(refused, 409, "round_closed")
    with pytest.raises(RoundClosedError):
        await closed(playing, settings)
    with pytest.raises(UnknownRoundError):
        await closed(playing, settings, "autumn")


@pytest.mark.both_backends
async def test_no_attempt_begins_in_a_round_that_closed_while_its_scenario_was_made(
    playing: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go = asyncio.Event(), asyncio.Event()
    generate = HandMadeSimulation.generate

    async def slow(*key: Any, **fault: Any) -> Any:
        begun.set()
        await go.wait()
        return await generate(*key, **fault)

    monkeypatch.setattr(HandMadeSimulation, "generate", slow)
    late = asyncio.create_task(playing.client.post("/reset", json={"round": "spring", "entry": 1}))
    await begun.wait()
    await closed(playing, settings)
    go.set()
    assert_problem(await late, 409, "round_closed")
    async with playing.services.reader.connect() as connection:
        assert (await connection.execute(select(attempts))).all() == []


async def attempt_rows(served: Served) -> list[Any]:
    async with served.services.reader.connect() as connection:
        return list(await connection.execute(select(attempts)))


@pytest.mark.parametrize("backend", ["postgres"])
async def test_closing_waits_for_a_reset_that_is_not_committed_yet(
    playing: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where another server stops between the statements of a reset and its commit."""
    written, go, write = asyncio.Event(), asyncio.Event(), batch._write

    def paused(*arguments: Any, **named: Any) -> None:
        write(*arguments, **named)
        written.set()
        await_only(go.wait())

    monkeypatch.setattr(batch, "_write", paused)
    late = asyncio.create_task(ranked(playing))
    await written.wait()
    closing = asyncio.create_task(closed(playing, settings))
    async with playing.services.reader.connect() as connection:
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        while not closing.done():
            if (await connection.exec_driver_sql(waits)).scalar():
                break
    go.set()
    episode_id = (await late)["episode_id"]
    assert (await closing).expired == 1
    assert [row.end_reason for row in await attempt_rows(playing)] == ["abandoned"]
    assert (await playing.step(episode_id, SUBMIT))["info"]["score"] == 0.01


@pytest.mark.both_backends
async def test_an_attempt_that_was_left_running_in_a_closed_round_takes_no_step(
    playing: Served, settings: Settings
) -> None:
    """As an earlier version could leave it."""
    name = (await ranked(playing))["episode_id"]
    execute(settings.database_url, f"UPDATE rounds SET closing_at = '{NOW}', closed_at = '{NOW}', secret = '00'")
    for action in (READ, SUBMIT):
        refused = await playing.client.post("/step", json={"episode_id": name, "action": action})
        assert_problem(refused, 409, "round_closed")
    assert await playing.services.episodes.close(name, "idle")
    assert [(row.end_reason, row.score) for row in await attempt_rows(playing)] == [("idle", 0.01)]


@pytest.mark.both_backends
async def test_a_round_is_closed_at_the_reveal_which_nothing_follows(playing: Served, settings: Settings) -> None:
    for entry in (1, 2):
        name = (await ranked(playing, entry=entry))["episode_id"]
    await playing.step(name, SUBMIT)
    await closed(playing, settings)  # by a clock that is behind that of the server
    (published,) = (await playing.client.get("/rounds")).json()["rounds"]
    last = max(row.ended_at for row in await attempt_rows(playing))
    assert published["closed_at"] == last > NOW


async def test_the_name_of_an_attempt_is_reserved_for_it(playing: Served, ann: str) -> None:
    prefix = ann.split("_")[1]
    for name in (f"{prefix}.spring:1:1", f"{prefix}.autumn:2:1"):
        refused = await playing.client.post("/reset", json={"episode_id": name})
        assert_problem(refused, 422, "invalid")
    assert (await ranked(playing))["episode_id"] == f"{prefix}.spring:1:1"
    like_one = (await playing.reset(episode_id="x.spring:1"))["info"]["episode_id"]
    assert round_of_name(f"{prefix}:{like_one}") is None
    assert round_of_name(f"{prefix}.spring:1:1") == "spring"


@pytest.mark.both_backends
async def test_an_attempt_has_one_row_that_tells_the_fault_only_after_the_end(playing: Served) -> None:
    async def row() -> Any:
        async with playing.services.reader.connect() as connection:
            return (await connection.execute(select(attempts))).one()

    info = await ranked(playing)
    begun = await row()
    assert (begun.agent, begun.entry, begun.attempt, begun.fault_id, begun.score) == ("ann", 1, 1, None, None)
    said = {"confidence": 0.25, "metadata": {"reported": {"tokens": 10, "cost_usd": 0.5}}}
    await playing.step(info["episode_id"], {**SUBMIT, **said})
    ended = await row()
    assert (ended.score, ended.brier, ended.is_right, ended.tokens, ended.cost_usd) == (0.01, 0.0625, False, 10, 0.5)
    assert ended.fault_id in RANKED_1.mix["easy"]


def test_a_name_is_taken_once(settings: Settings) -> None:
    opened(settings)
    for name in ("spring", "", "a b", "x" * 41):
        with pytest.raises(RoundNameError):
            opened(settings, name)


def test_a_suite_with_faults_that_the_generator_does_not_plant_opens_no_round(settings: Settings) -> None:
    with pytest.raises(RetiredSuiteError, match=r"ranked-2 holds faults of \w+ that generator \d+ does not plant"):
        opened(settings, generator=GENERATOR_VERSION, suite=RANKED_2)
    assert [each.name for each in secrets_folder(settings).glob("round-*")] == []
    opened(settings, generator=GENERATOR_VERSION, suite=RANKED_3)  # the name is not taken


async def test_without_its_secret_a_round_is_neither_played_nor_closed(playing: Served, settings: Settings) -> None:
    file = secrets_folder(settings) / "round-spring.secret"
    file.write_bytes(bytes(32))
    refused = await playing.client.post("/reset", json={"round": "spring", "entry": 1})
    assert_problem(refused, 500, "secret_lost")
    with pytest.raises(SecretLostError):
        await closed(playing, settings)
