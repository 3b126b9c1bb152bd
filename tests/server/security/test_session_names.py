"""Recorded and published data of a session do not reveal its key; sessions of older servers go on working."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from domain.chain import canonical, digest_of
from server.episodes.rebuild import rebuild
from server.security.api_keys import create_key
from server.security.session_names import MARK, SessionName, SessionNames, is_guessable
from server.settings import Settings
from server.storage.schema import events
from tests.operating import changed
from tests.served import Served, serving

READ = {"action_type": "read_config"}
SUBMIT = {"action_type": "submit_diagnosis"}
KEY = "my-session-7f3a"


class EarlierNames:
    """Names as an older server records them: the SHA-256 of the key."""

    def of(self, key: str) -> SessionName:
        plain = hashlib.sha256(key.encode()).hexdigest()
        return SessionName(plain, plain)


def as_before(served: Served) -> Served:
    served.services.sessions._names = EarlierNames()  # type: ignore[assignment]
    return served


async def begin(served: Served, name: str, key: str = KEY) -> dict[str, Any]:
    response = await served.client.post(f"/sessions/{key}/reset", json={"episode_id": name, "seed": 7})
    assert response.status_code == 200, response.text
    begun: dict[str, Any] = response.json()
    return begun


async def state(served: Served, key: str = KEY) -> dict[str, Any]:
    response = await served.client.get(f"/sessions/{key}/state")
    assert response.status_code == 200, response.text
    recorded: dict[str, Any] = response.json()
    return recorded


async def step(served: Served, action: dict[str, Any], key: str = KEY) -> dict[str, Any]:
    response = await served.client.post(f"/sessions/{key}/step", json={"action": action})
    assert response.status_code == 200, response.text
    answered: dict[str, Any] = response.json()
    return answered


def guesses(recorded: list[dict[str, Any]], key: str = KEY) -> list[str]:
    """Values of a published stream with which a guess of the key can be compared: the name itself, or a digest that covers it."""
    found = []
    payload = recorded[0]["payload"]
    if payload is not None and payload["session"] == hashlib.sha256(key.encode()).hexdigest():
        found.append("session")
    for each in recorded:
        covering = ("hash", "prev_hash") + (("payload_digest",) if each["kind"] == "reset" else ())
        found += [f"{each['version']}.{name}" for name in covering if each[name] is not None]
    return found


def test_the_name_of_a_session_needs_the_secret() -> None:
    one, other = SessionNames(b"one").of("k"), SessionNames(b"other").of("k")
    assert one.recorded != other.recorded
    assert one.recorded.startswith(MARK)
    assert len(one.recorded) <= 64  # the column has no more
    assert one == SessionNames(b"one").of("k")
    assert one.recorded != SessionNames(b"one").of("K").recorded


@pytest.mark.parametrize(
    ("session", "owner", "expected"),
    [
        (None, None, False),
        ("0" * 64, None, True),
        ("0" * 64, "k1a2b3c4d", False),
        ("hmac:x", None, False),
        ("k", None, True),
    ],
)
def test_a_name_is_guessable_without_secret_and_without_api_key(
    session: str | None, owner: str | None, expected: bool
) -> None:
    assert is_guessable(session, owner) is expected


@pytest.mark.both_backends
async def test_an_ended_episode_tells_all_and_nothing_that_confirms_a_guess(served: Served, settings: Settings) -> None:
    await begin(served, "e")
    answered = await step(served, SUBMIT)
    recorded = (await served.client.get("/episodes/e/events")).json()
    payload = recorded[0]["payload"]
    assert payload["session"].startswith(MARK)
    assert digest_of(canonical(payload)).hex() == recorded[0]["payload_digest"]
    plain = hashlib.sha256(KEY.encode()).hexdigest()
    assert digest_of(canonical({**payload, "session": plain})).hex() != recorded[0]["payload_digest"]
    assert answered["info"]["receipt"]["statement"]["head_hash"] == recorded[-1]["hash"]


async def test_the_name_is_the_same_after_a_restart_and_on_another_server(settings: Settings) -> None:
    async with serving(settings) as before:
        await begin(before, "e")
    async with serving(settings) as here:
        assert (await state(here))["episode_id"] == "e"
        assert (await step(here, READ))["info"]["version"] == 2


@pytest.mark.both_backends
async def test_a_running_episode_of_an_older_server_is_played_on(settings: Settings) -> None:
    async with serving(settings) as before:
        await begin(as_before(before), "old")
        await step(before, READ)
    async with serving(settings) as after:
        assert (await state(after))["episode_id"] == "old"
        async with after.socket(f"/sessions/{KEY}/ws") as socket:
            answered = await socket.say({"type": "step", "data": {"action_type": "read_logs"}})
            assert (answered["data"]["metadata"]["episode_id"], answered["data"]["metadata"]["version"]) == ("old", 3)
        assert (await step(after, SUBMIT))["done"]


async def test_a_repeated_reset_of_an_older_servers_episode_is_answered_again(settings: Settings) -> None:
    async with serving(settings) as before:
        first = await begin(as_before(before), "old")
    async with serving(settings) as after:
        again = await begin(after, "old")
        resumed = await after.client.post(f"/sessions/{KEY}/reset", json={"episode_id": "old", "resume": True})
    assert again["observation"] == first["observation"]
    assert resumed.status_code == 200


@pytest.mark.both_backends
async def test_the_episode_begun_last_is_current_whichever_server_recorded_it(settings: Settings) -> None:
    async with serving(settings) as older, serving(settings) as newer:
        as_before(older)
        for number in range(3):
            await begin(older, f"old-{number}")
            assert (await state(newer))["episode_id"] == f"old-{number}"
            await begin(newer, f"new-{number}")
            assert (await state(newer))["episode_id"] == f"new-{number}"
        assert (await newer.client.get("/episodes/old-2/state")).json()["done"]  # the reset closed what was current


async def test_the_read_models_follow_from_events_of_both_forms(settings: Settings) -> None:
    async with serving(settings) as before:
        await begin(as_before(before), "old")
    async with serving(settings) as after:
        await begin(after, "new")
        await begin(after, "other", key="another")
    assert changed(settings, lambda opened: rebuild(opened, verify=True)).differences == ()


@pytest.mark.both_backends
async def test_of_an_older_servers_episode_nothing_is_published_that_confirms_a_guess(settings: Settings) -> None:
    async with serving(settings) as before:
        await begin(as_before(before), "old")
        await step(before, READ)
    async with serving(settings) as after:
        running = (await after.client.get("/episodes/old/events")).json()
        answered = await step(after, SUBMIT)
        again = await after.client.post("/step", json={"episode_id": "old", "action": READ})
        ended = (await after.client.get("/episodes/old/events")).json()
        page = (await after.client.get("/episodes/old")).text
        hashes = changed(settings, lambda opened: [row.hash.hex() for row in opened.execute(events.select())])
    assert (guesses(running), guesses(ended)) == ([], [])
    assert [each["payload"] is None for each in ended] == [True, False, False]
    assert [each["payload_digest"] is None for each in ended] == [True, False, False]
    assert (answered["info"]["receipt"], again.json()["info"]["receipt"]) == (None, None)
    assert answered["info"]["score"] is not None
    for hidden in (*hashes, hashlib.sha256(KEY.encode()).hexdigest()):
        for text in (page, again.text, str(ended)):
            assert hidden not in text


async def test_of_a_keyed_episode_everything_is_published_as_before(settings: Settings) -> None:
    """The session of an API key opens nothing without that key."""
    made = changed(settings, lambda opened: create_key(opened, "ann", ("agent",), kind="agent", now="2030"))
    async with serving(settings) as served:
        served.client.headers["Authorization"] = f"Bearer {made}"
        await begin(as_before(served), "old")
        answered = await step(served, SUBMIT)
        recorded = (await served.client.get("/episodes/old/events")).json()
    assert recorded[0]["payload"]["key"] == made.split("_")[1]
    assert answered["info"]["receipt"]["statement"]["head_hash"] == recorded[-1]["hash"]
