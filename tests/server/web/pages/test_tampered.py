"""Pages over a database that was tampered with."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from server.web.pages.live.feed import Feed
from tests.served import Served

SUBMIT = {"action_type": "submit_diagnosis"}
READ = {"action_type": "read_config"}


def tamper(folder: Path, payload: str, version: int = 2) -> None:
    with sqlite3.connect(folder / "episodes.db") as database:
        database.execute("DROP TRIGGER events_refuse_update")
        database.execute("UPDATE events SET payload = ?, digests = NULL WHERE version = ?", (payload, version))


@pytest.fixture
async def played(served: Served) -> Served:
    await served.reset(episode_id="e")
    await served.step("e", READ)
    await served.step("e", SUBMIT)
    return served


async def test_a_changed_payload_breaks_the_chain_in_the_header(played: Served, tmp_path: Path) -> None:
    tamper(tmp_path, '{"artifact":"train.log","log_filter":null,"observation_digest":""}')
    page = (await played.client.get("/episodes/e")).text
    assert "chain broken at 1 place" in page
    assert "chain holds" not in page


@pytest.mark.parametrize("payload", ["no json", "{}", '{"artifact":"none","log_filter":null,"observation_digest":""}'])
async def test_an_episode_that_cannot_be_folded_is_reported_on_a_page(
    played: Served, tmp_path: Path, payload: str
) -> None:
    tamper(tmp_path, payload)
    response = await played.client.get("/episodes/e")
    assert response.status_code == 500
    assert "The operator should audit this episode" in response.text
    assert (await played.client.get("/episodes")).status_code == 200


async def test_the_feed_goes_on_past_an_event_that_cannot_be_read(played: Served, tmp_path: Path) -> None:
    tamper(tmp_path, "no json")
    feed: Feed = played.app.state.pages.feed
    following = feed.follow(0)
    entries = await anext(following)
    await following.aclose()
    assert len(entries) == 3
    assert b"An event that cannot be read" in entries[1].frame
