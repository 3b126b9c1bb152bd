"""The outcome of a ranked attempt, after its end: its player sees it at once, all others when its round has closed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from server.settings import Settings
from server.web.pages.live.feed import Feed
from tests.served import Served, assert_problem, serving
from tests.server.ranking.test_rounds import closed, opened
from tests.server.security.test_api_keys import bearer, made

WRONG_FIELD = "optimizer.momentum"
THOUGHT = "The scaler saw the rows of the test."
SUBMIT = {
    "action_type": "submit_diagnosis",
    "root_cause_file": "config.yaml",
    "root_cause_field": WRONG_FIELD,
    "diagnosis": "It is the momentum.",
}
OTHERS = ("bob", "watcher", "operator", "no key")


@dataclass
class Played:
    """A round in which ann has ended her first attempt, on a server that is open."""

    served: Served
    settings: Settings
    headers: dict[str, dict[str, str]]
    name: str
    ended: dict[str, Any]

    @property
    def secrets(self) -> set[str]:
        """What tells what was planted or answered."""
        truth = self.ended["ground_truth"]
        return {
            truth["fault_id"],
            truth["proposed_fix"],
            self.ended["seed"],
            WRONG_FIELD,
            "It is the momentum.",
            THOUGHT,
        }

    async def get(self, path: str, viewer: str) -> Any:
        return await self.served.client.get(path, headers=self.headers[viewer], follow_redirects=True)

    async def leaked(self, path: str, viewer: str) -> set[str]:
        text = (await self.get(path, viewer)).text.replace("<wbr>", "")
        return {word for word in self.secrets if word in text}

    async def close(self) -> None:
        await closed(self.served, self.settings)


@pytest.fixture
async def played(settings: Settings) -> AsyncIterator[Played]:
    opened(settings)
    keys = {name: made(settings, name) for name in ("ann", "bob")}
    keys |= {"watcher": made(settings, "watcher", "viewer"), "operator": made(settings, "operator", "operator")}
    headers = {name: bearer(key) for name, key in keys.items()} | {"no key": {}}
    async with serving(settings) as served:
        served.client.headers.update(headers["ann"])
        name = (await served.reset(round="spring", entry=1))["info"]["episode_id"]
        await served.step(name, {"action_type": "read_config"})
        shared = {"replies": [{"step": 2, "text": THOUGHT}]}
        assert (await served.client.post(f"/episodes/{name}/transcript", json=shared)).status_code == 204
        ended = (await served.step(name, SUBMIT))["info"]
        del served.client.headers["Authorization"]
        yield Played(served, settings, headers, name, ended)


def surfaces(name: str) -> tuple[str, ...]:
    """All addresses under which the attempt is shown."""
    return (
        f"/episodes/{name}",
        f"/episodes/{name}?step=2",
        "/episodes/~1",
        f"/compare?a={name}&b=~1",
        f"/episodes/{name}/state",
        f"/state?episode_id={name}",
        f"/openenv/state?episode_id={name}",
        f"/episodes/{name}/events",
        "/episodes",
        "/episodes.json",
        "/agent?name=ann",
        "/agent.json?name=ann",
        "/leaderboard",
        "/leaderboard.csv",
        "/live",
        "/",
    )


async def test_no_surface_shows_others_what_was_planted_or_answered_while_the_round_is_open(played: Played) -> None:
    searched = [(viewer, path) for viewer in OTHERS for path in surfaces(played.name)]
    assert {(viewer, path, word) for viewer, path in searched for word in await played.leaked(path, viewer)} == set()


async def test_a_board_has_means_by_fault_when_its_round_has_closed(played: Played) -> None:
    (row,) = (await played.get("/leaderboard.json", "no key")).json()["rows"]
    assert (row["faults"], row["tasks"]["easy"]["attempts"]) == ({}, 1)
    assert "Shown when the round closes" in (await played.get("/leaderboard", "no key")).text
    await played.close()
    (row,) = (await played.get("/leaderboard.json", "no key")).json()["rows"]
    assert row["faults"][played.ended["ground_truth"]["fault_id"]]["attempts"] == 1


async def test_the_player_sees_all_of_it_at_once(played: Played) -> None:
    secrets = played.secrets
    assert await played.leaked(f"/episodes/{played.name}", "ann") == secrets
    assert await played.leaked("/episodes/~1", "ann") == secrets
    state = (await played.get(f"/episodes/{played.name}/state", "ann")).json()
    assert state["ground_truth"] == played.ended["ground_truth"]
    events = (await played.get(f"/episodes/{played.name}/events", "ann")).json()
    assert [event["payload"] is None for event in events] == [False, False, False]


async def test_all_see_all_of_it_when_the_round_has_closed(played: Played) -> None:
    await played.close()
    for viewer in OTHERS:
        assert await played.leaked(f"/episodes/{played.name}", viewer) == played.secrets
        state = (await played.get(f"/episodes/{played.name}/state", viewer)).json()
        assert state["ground_truth"] == played.ended["ground_truth"]
        events = (await played.get(f"/episodes/{played.name}/events", viewer)).json()
        assert [event["payload"] is None for event in events] == [False, False, False]


@pytest.mark.both_backends
async def test_to_other_players_an_attempt_is_unknown_until_then(played: Played) -> None:
    step = {"episode_id": played.name, "action": {"action_type": "read_config"}}
    for viewer in ("bob", "no key"):
        for path in (f"/episodes/{played.name}/state", f"/episodes/{played.name}/events"):
            assert_problem(await played.get(path, viewer), 404, "unknown_episode")
        taken = await played.served.client.post("/step", json=step, headers=played.headers[viewer])
        assert_problem(taken, 404, "unknown_episode")
    await played.close()
    repeated = (await played.served.client.post("/step", json=step, headers=played.headers["bob"])).json()
    assert repeated["info"]["ground_truth"] == played.ended["ground_truth"]


async def test_a_key_that_may_view_reads_what_it_read_while_the_attempt_ran(played: Played) -> None:
    state = (await played.get(f"/episodes/{played.name}/state", "watcher")).json()
    assert (state["ground_truth"], state["done"], state["score"]) == (None, True, played.ended["score"])
    events = (await played.get(f"/episodes/{played.name}/events", "watcher")).json()
    assert [event["payload"] is None for event in events] == [True, False, True]
    assert all(event["payload_digest"] and event["hash"] for event in events), "the chain can be verified"
    page = (await played.get(f"/episodes/{played.name}", "watcher")).text
    assert "learning_rate" in page, "it read the config"


async def test_the_page_says_why_and_offers_no_audit(played: Played) -> None:
    for viewer in OTHERS:
        page = (await played.get(f"/episodes/{played.name}", viewer)).text
        assert "to all others when the round closes" in page
        assert "This episode runs" not in page
        assert "Audit now" not in page
    origin = {"Origin": "http://test"}
    audited = await played.served.client.post(f"/episodes/{played.name}/audit", headers=played.headers["bob"] | origin)
    assert (audited.status_code, "when its round has closed" in audited.text) == (409, True)


async def test_another_key_reaches_no_attempt_over_mcp_or_a_socket(played: Played) -> None:
    arguments = {"episode_id": played.name, "resume": True}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "reset", "arguments": arguments}}
    answered = await played.served.client.post("/sessions/s/mcp", json=call, headers=played.headers["bob"])
    assert {word for word in played.secrets if word in answered.text} == set()
    key = played.headers["bob"]["Authorization"].removeprefix("Bearer ")
    async with played.served.socket(key=key) as socket:
        answers = [await socket.say({"type": "reset", "data": arguments}), await socket.say({"type": "state"})]
    assert {word for word in played.secrets if word in json.dumps(answers)} == set()


async def test_the_live_feed_has_the_score_and_no_answer(played: Played) -> None:
    feed: Feed = played.served.app.state.pages.feed
    following = feed.follow(0)
    told = b"".join(each.frame for each in await anext(following)).decode()
    await following.aclose()
    assert "Submitted a diagnosis" in told
    assert {word for word in played.secrets if word in told} == set()


async def test_a_receipt_has_no_truth(played: Played) -> None:
    receipt = json.dumps(played.ended["receipt"])
    assert played.name in receipt
    assert {word for word in played.secrets if word in receipt} == set()
