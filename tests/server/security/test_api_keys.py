"""API keys: shown once, compared in constant time, and their scopes."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.security.api_keys import KeyNameTakenError, UnknownKeyError, count_keys, create_key, list_keys, revoke_key
from server.security.identity import Scope, owner_of
from server.settings import Settings
from server.web.middleware.authentication import is_open, sent_key
from tests.operating import changed
from tests.served import Served, assert_problem, serving

NOW = "2030-01-01T00:00:00.000Z"
READ = {"action_type": "read_config"}
SUBMIT = {"action_type": "submit_diagnosis"}


def made(settings: Settings, name: str, *scopes: Scope) -> str:
    chosen = scopes or ("agent",)
    return changed(settings, lambda connection: create_key(connection, name, chosen, kind="agent", now=NOW))


def full_name(key: str, name: str) -> str:
    return f"{key.split('_')[1]}:{name}"


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def guarded(settings: Settings) -> Settings:
    return replace(settings, access="keys")


@pytest.fixture
def ann(guarded: Settings) -> str:
    return made(guarded, "ann")


@pytest.fixture
def bob(guarded: Settings) -> str:
    return made(guarded, "bob")


@pytest.fixture
async def running(guarded: Settings, ann: str, bob: str) -> AsyncIterator[Served]:
    async with serving(guarded) as served:
        yield served


def test_a_key_is_kept_as_a_hash_and_listed_without_its_secret(guarded: Settings, ann: str) -> None:
    mark, prefix, secret = ann.split("_")
    assert (mark, len(secret), owner_of(f"{prefix}:e")) == ("mdk", 32, prefix)
    file = Path(guarded.database_url.removeprefix("sqlite:///"))
    assert secret.encode() not in file.read_bytes()
    (listed,) = changed(guarded, list_keys)
    assert (listed.prefix, listed.name, listed.scopes) == (prefix, "ann", ("agent",))
    assert secret not in str(listed)


def test_a_name_stands_for_one_key_for_ever(guarded: Settings, ann: str) -> None:
    assert changed(guarded, lambda connection: revoke_key(connection, "ann", now=NOW)).revoked_at == NOW
    assert changed(guarded, count_keys) == 0
    with pytest.raises(UnknownKeyError):
        changed(guarded, lambda connection: revoke_key(connection, "ann", now=NOW))
    with pytest.raises(KeyNameTakenError):
        made(guarded, "ann")


@pytest.mark.parametrize(
    ("host", "access", "expected"),
    [
        ("127.0.0.1", "auto", True),
        ("localhost", "auto", True),
        ("::1", "auto", True),
        ("0.0.0.0", "auto", False),
        ("example.org", "auto", False),
        ("0.0.0.0", "open", True),
        ("127.0.0.1", "keys", False),
    ],
)
def test_open_access_is_the_default_on_loopback_only(host: str, access: str, expected: bool) -> None:
    assert is_open(Settings(host=host, access=access)) is expected


@pytest.mark.parametrize(
    ("header", "value"),
    [
        (b"authorization", b"Bearer mdk_a_b"),
        (b"x-api-key", b"mdk_a_b"),
        (b"authorization", b"Basic " + base64.b64encode(b"agent:mdk_a_b")),
        (b"authorization", b"basic " + base64.b64encode(b"mdk_a_b:")),
    ],
)
def test_a_key_may_come_in_four_ways(header: bytes, value: bytes) -> None:
    assert sent_key([(b"host", b"h"), (header, value)]) == "mdk_a_b"


@pytest.mark.parametrize("value", [b"", b"Digest x", b"Negotiate"])
def test_other_headers_carry_no_key(value: bytes) -> None:
    assert sent_key([(b"authorization", value)]) is None


@pytest.mark.parametrize("change", [lambda key: "", lambda key: key[:-1] + ("0" if key[-1] != "0" else "1")])
@pytest.mark.parametrize("path", ["/state", "/openenv/state", "/episodes/e/events"])
async def test_without_a_good_key_nothing_is_answered(running: Served, ann: str, change: Any, path: str) -> None:
    headers = bearer(change(ann))
    assert_problem(await running.client.get(path, headers=headers), 401, "key_required")
    assert_problem(await running.client.post("/reset", headers=headers), 401, "key_required")
    bare = await running.client.post("/reset")
    assert_problem(bare, 401, "key_required")
    assert "Basic" in bare.headers["www-authenticate"]


@pytest.mark.parametrize("path", ["/health", "/ready", "/metadata", "/schema", "/tasks"])
async def test_public_paths_need_no_key(running: Served, path: str) -> None:
    assert (await running.client.get(path)).status_code == 200


async def test_a_socket_without_a_key_is_never_accepted(running: Served, ann: str) -> None:
    with pytest.raises(AssertionError):
        async with running.socket():
            pass
    async with running.socket(key=ann) as socket:
        assert (await socket.say({"type": "reset"}))["type"] == "observation"


async def test_a_key_is_the_agent(running: Served, ann: str) -> None:
    begun = await running.client.post("/reset", json={"agent": "somebody else", "episode_id": "e"}, headers=bearer(ann))
    assert begun.status_code == 200
    links = await running.services.episodes.events(full_name(ann, "e"))
    assert links[0].actor == "ann"


@pytest.mark.both_backends
async def test_names_are_scoped_to_the_key(running: Served, ann: str, bob: str) -> None:
    for key in (ann, bob):
        begun = await running.client.post("/reset", json={"episode_id": "e", "seed": 7}, headers=bearer(key))
        assert begun.json()["info"]["version"] == 1
        for n, name in enumerate(("e", full_name(key, "e")), start=2):
            step = await running.client.post(f"/episodes/{name}/step", json={"action": READ}, headers=bearer(key))
            assert (step.json()["info"]["episode_id"], step.json()["info"]["version"]) == ("e", n)
        events = (await running.client.get("/episodes/e/events", headers=bearer(key))).json()
        assert {each["stream_id"] for each in events} == {full_name(key, "e")}


async def test_session_keys_are_scoped_to_the_key(running: Served, ann: str, bob: str) -> None:
    begun = await running.client.post("/sessions/s/reset", headers=bearer(ann))
    assert begun.status_code == 200
    assert_problem(await running.client.get("/sessions/s/state", headers=bearer(bob)), 409, "episode_not_started")
    shown = await running.client.get("/sessions/s/state", headers=bearer(ann))
    assert shown.json()["episode_id"] == begun.json()["info"]["episode_id"]
    async with running.socket("/sessions/s/ws", key=ann) as socket:
        assert (await socket.say({"type": "state"}))["data"]["episode_id"] == begun.json()["info"]["episode_id"]


async def test_anothers_episode_is_unknown_while_it_runs_and_open_afterwards(
    running: Served, ann: str, bob: str
) -> None:
    begun = await running.client.post("/reset", json={"episode_id": "e"}, headers=bearer(ann))
    assert begun.json()["info"]["episode_id"] == "e"
    name = full_name(ann, "e")
    step = {"episode_id": name, "action": READ}
    running.client.cookies.clear()

    async def answers() -> list[httpx.Response]:
        return [
            await running.client.get(f"/state?episode_id={name}", headers=bearer(bob)),
            await running.client.get(f"/openenv/state?episode_id={name}", headers=bearer(bob)),
            await running.client.get(f"/episodes/{name}/events", headers=bearer(bob)),
            await running.client.post("/step", json=step, headers=bearer(bob)),
        ]

    for refused in await answers():
        assert_problem(refused, 404, "unknown_episode")
    await running.client.post(
        "/step", json={**step, "action": {"action_type": "submit_diagnosis"}}, headers=bearer(ann)
    )
    assert [each.status_code for each in await answers()] == [200] * 4


async def test_a_viewer_watches_and_does_not_play(running: Served, guarded: Settings, ann: str) -> None:
    viewer = bearer(made(guarded, "eve", "viewer"))
    begun = await running.client.post("/reset", json={"episode_id": "e"}, headers=bearer(ann))
    assert begun.json()["info"]["episode_id"] == "e"
    name = full_name(ann, "e")
    assert (await running.client.get(f"/state?episode_id={name}", headers=viewer)).status_code == 200
    assert_problem(await running.client.post("/reset", headers=viewer), 403, "forbidden")
    assert_problem(await running.client.post(f"/episodes/{name}/step", headers=viewer), 403, "forbidden")


async def test_with_open_access_a_keyed_episode_cannot_be_stepped_or_squatted(settings: Settings) -> None:
    ann = made(settings, "ann")
    async with serving(settings) as served:
        begun = await served.client.post("/reset", json={"episode_id": "e"}, headers=bearer(ann))
        assert begun.json()["info"]["episode_id"] == "e"
        name = full_name(ann, "e")
        served.client.cookies.clear()
        assert_problem(
            await served.client.post("/step", json={"episode_id": name, "action": READ}), 404, "unknown_episode"
        )
        for path in (f"/state?episode_id={name}", f"/episodes/{name}/events"):
            assert_problem(await served.client.get(path), 404, "unknown_episode")
        assert (await served.client.get("/openenv/state", headers=bearer("hf_another_services"))).status_code == 200
        squatted = await served.client.post("/reset", json={"episode_id": f"{name}2"})
        assert_problem(squatted, 422, "invalid")
        assert_problem(await served.client.get("/state", headers=bearer("mdk_no_key")), 401, "key_required")


@pytest.mark.both_backends
async def test_scores_and_open_episodes_are_those_of_the_key(running: Served, ann: str, bob: str) -> None:
    for key, name in ((ann, "a"), (ann, "b"), (bob, "c")):
        await running.client.post("/reset", json={"episode_id": name, "task_id": "medium"}, headers=bearer(key))
    done = {"episode_id": "a", "action": {"action_type": "submit_diagnosis", "root_cause_file": "preprocessing.py"}}
    assert (await running.client.post("/step", json=done, headers=bearer(ann))).json()["info"]["score"] == 0.25
    shown = {key: (await running.client.get("/openenv/state", headers=bearer(key))).json() for key in (ann, bob)}
    assert shown[ann] == {"scores": {"easy": None, "medium": 0.25, "hard": None, "expert": None}, "open_episodes": 1}
    assert shown[bob] == {"scores": {"easy": None, "medium": None, "hard": None, "expert": None}, "open_episodes": 1}


async def test_a_revoked_key_ends_on_open_sockets_too(running: Served, guarded: Settings, ann: str) -> None:
    now = [0.0]
    running.services.keys._now = lambda: now[0]
    async with running.socket(key=ann) as socket:
        assert (await socket.say({"type": "reset"}))["type"] == "observation"
        changed(guarded, lambda connection: revoke_key(connection, "ann", now=NOW))
        now[0] += 1e9
        refused = await socket.say({"type": "state"})
        assert refused["data"]["problem"]["code"] == "key_required"
    assert_problem(await running.client.get("/openenv/state", headers=bearer(ann)), 401, "key_required")


async def test_a_revoked_key_ends_its_live_feed(running: Served, guarded: Settings, ann: str, bob: str) -> None:
    now = [0.0]
    running.services.keys._now = lambda: now[0]
    watching = asyncio.create_task(running.client.get("/live/feed?after=0", headers=bearer(ann)))
    async with asyncio.timeout(20):
        await running.app.state.pages.feed._is_watched.wait()
        changed(guarded, lambda connection: revoke_key(connection, "ann", now=NOW))
        now[0] += 1e9
        await running.client.post("/reset", json={"agent": "bob"}, headers=bearer(bob))
        heard = await watching
    assert (heard.status_code, b"event: told" in heard.content) == (200, False)
    assert (await running.client.get("/live/feed", headers=bearer(ann))).status_code == 401


async def test_the_search_tells_of_anothers_running_episode_no_more_than_its_page(
    running: Served, guarded: Settings, ann: str, bob: str
) -> None:
    await running.client.post("/reset", json={"episode_id": "e"}, headers=bearer(ann))
    named, missing = full_name(ann, "e"), full_name(ann, "f")
    watcher = bearer(made(guarded, "watcher", "viewer"))

    async def found(name: str, key: dict[str, str]) -> int:
        return (await running.client.get("/episodes", params={"q": name}, headers=key)).status_code

    assert [await found(name, bearer(bob)) for name in (named, missing, "e")] == [200, 200, 200]
    assert [await found(name, bearer(ann)) for name in (named, missing, "e")] == [303, 200, 303]
    assert [await found(name, watcher) for name in (named, missing)] == [303, 200]
    await running.client.post("/step", json={"action": SUBMIT, "episode_id": "e"}, headers=bearer(ann))
    assert await found(named, bearer(bob)) == 303


async def test_limits_count_the_key_not_the_address(guarded: Settings, ann: str, bob: str) -> None:
    async with serving(replace(guarded, steps_per_second=1)) as served:
        served.services.step_limiter._now = lambda: 0.0
        for key in (ann, bob):
            await served.client.post("/reset", json={"episode_id": "e"}, headers=bearer(key))
            step = {"episode_id": "e", "action": READ}
            assert (await served.client.post("/step", json=step, headers=bearer(key))).status_code == 200
            again = await served.client.post("/step", json=step, headers=bearer(key))
            assert_problem(again, 429, "too_many_steps")


async def test_what_was_reported_of_tokens_and_cost_is_recorded(running: Served, ann: str) -> None:
    begun = await running.client.post("/reset", json={"episode_id": "e"}, headers=bearer(ann))
    assert begun.json()["info"]["episode_id"] == "e"
    name = full_name(ann, "e")
    action = {"action_type": "submit_diagnosis", "metadata": {"reported": {"tokens": 1200, "cost_usd": 0.03}}}
    await running.client.post("/step", json={"episode_id": "e", "action": action}, headers=bearer(ann))
    links = await running.services.episodes.events(name)
    assert b'"reported":{"cost_usd":0.03,"tokens":1200}' in (links[-1].payload or b"")


ENDS = ["%0A", "%0D", "%0D%0A", "%00", "%0A%0A", "%0Ax", "%0B", "%0C", "%1C", "%7F", "%C2%85", "%E2%80%A8", "%C2%A0"]
AROUND = ["/{}/", "//{}", "/{};x", "/{}%20", "/{}%2F", "/./{}", "/static/../{}", "/{}%3Fx", "/%EF%BC%8F{}"]


@pytest.mark.parametrize("path", [f"/metrics{end}" for end in ENDS] + [each.format("metrics") for each in AROUND])
async def test_no_spelling_of_a_path_passes_by_its_scope(
    running: Served, guarded: Settings, ann: str, path: str
) -> None:
    for key in (ann, made(guarded, "watcher", "viewer")):
        for method in ("GET", "HEAD", "OPTIONS"):
            response = await running.client.request(method, f"http://test{path}", headers=bearer(key))
            assert response.status_code in (307, 403, 404, 405), (method, response.status_code)
            assert "mlops_debug_requests" not in response.text
        assert_problem(await running.client.get("/metrics", headers=bearer(key)), 403, "forbidden")
    spelled = await running.client.get(f"http://test{path}")
    assert spelled.status_code in (307, 401, 404), spelled.text


@pytest.mark.parametrize("path", ["/reset", "/step", "/sessions/s/reset", "/play/begin", "/play/act", "/mcp"])
async def test_no_spelling_lets_a_viewer_play(running: Served, guarded: Settings, path: str) -> None:
    watching = bearer(made(guarded, "watcher", "viewer"))
    for end in ("", *ENDS):
        response = await running.client.post(path + end, headers=watching, json={})
        assert response.status_code in (403, 404), response.text
        inside = await running.client.post(f"/sessions/a{end}b/reset", headers=watching, json={})
        assert inside.status_code in (403, 404), inside.text


@pytest.mark.parametrize("path", ["/ws", "/mcp", "/sessions/s/ws", "/sessions/s/mcp"])
async def test_no_spelling_opens_a_socket(running: Served, ann: str, path: str) -> None:
    for end in ("\n", "\r", "\x00", "\x0b", "\x85", "\u2028"):
        with pytest.raises(AssertionError):
            async with running.socket(path + end, key=ann):
                pass


async def test_a_name_is_matched_to_its_last_character(running: Served, ann: str) -> None:
    for end in ("\n", "\r", "\x00", "\u2028", "\u0661", "\uff11", "é"):
        for body in ({"episode_id": f"e{end}"}, {"request_id": f"e{end}"}):
            assert_problem(await running.client.post("/reset", headers=bearer(ann), json=body), 422, "invalid")
