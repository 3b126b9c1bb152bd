"""The board's page over HTTP, on rounds that were really played."""

from __future__ import annotations

from server.settings import Settings
from tests.served import Served, serving
from tests.server.ranking.test_leaderboard import played
from tests.server.ranking.test_rounds import closed, opened
from tests.server.web.pages.episode_list.test_page import paths

__all__ = ["played"]


async def test_the_board_is_the_one_of_the_json(played: Served) -> None:
    rows = (await played.client.get("/leaderboard.json")).json()["rows"]
    page = (await played.client.get("/leaderboard")).text
    assert [page.index(f">{row['agent']}</a>") for row in rows] == sorted(
        page.index(f">{row['agent']}</a>") for row in rows
    )
    for row in rows:
        assert f"<strong>{row['score']:.3f}</strong>" in page
    for word in ("baseline</span>", "attack</span>", "/leaderboard.csv?round=spring"):
        assert word in page, word


async def test_the_means_by_fault_stand_on_the_board_of_a_closed_round(played: Served, settings: Settings) -> None:
    assert "data leakage scaler" not in (await played.client.get("/leaderboard")).text
    await closed(played, settings)
    assert "data leakage scaler" in (await played.client.get("/leaderboard")).text


async def test_a_round_is_chosen_by_its_name(played: Served) -> None:
    assert (await played.client.get("/leaderboard?round=spring")).status_code == 200
    missing = await played.client.get("/leaderboard?round=winter")
    assert missing.status_code == 404
    assert "No ranked round fits" in missing.text


async def test_without_a_round_the_board_says_how_to_open_one(served: Served) -> None:
    page = await served.client.get("/leaderboard")
    assert page.status_code == 200
    assert "mlops-debug rounds open" in page.text
    assert "No ranked round was opened yet" in (await served.client.get("/")).text


async def test_the_list_shows_the_episodes_of_a_round(played: Served) -> None:
    await played.reset(episode_id="practice")
    listed = paths((await played.client.get("/episodes?round=spring&status=running")).text)
    assert len(listed) == 1
    assert "practice" not in listed
    assert len(paths((await played.client.get("/episodes?round=spring&sort=best")).text)) == 37
    assert paths((await played.client.get("/episodes?round=winter")).text) == []


async def test_the_front_page_names_the_open_round(settings: Settings) -> None:
    opened(settings, "autumn")
    async with serving(settings) as served:
        page = (await served.client.get("/")).text
    assert "<strong>autumn</strong>" in page
    assert "/leaderboard?round=autumn" in page
