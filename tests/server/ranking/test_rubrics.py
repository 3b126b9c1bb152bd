"""Episodes under another rubric: their continuation, their audit, and their board."""

from __future__ import annotations

import json
from types import MappingProxyType

import pytest
import sqlalchemy

from domain.rubric import RUBRIC, RUBRICS, Rubric
from server.episodes.rebuild import rebuild
from server.ranking.regrade import RubricError, parse_rubric, read_stored_rubric, regrade
from server.scenarios.simulation import InProcessSimulation
from server.settings import Settings
from server.storage.schema import rubrics
from server.web.pages.live.feed import Feed
from tests.auditing import audit_by_settings
from tests.databases import execute
from tests.operating import changed
from tests.served import Served, serving
from tests.server.ranking.test_rounds import key_of, opened

READ = {"action_type": "read_config"}
SUBMIT = {"action_type": "submit_diagnosis", "failure_category": "config_error", "confidence": 0.5}
OLD = Rubric(
    version="old",
    category_points=0.2,
    lowest_score=0.05,
    new_artifact_reward=0.5,
    repeated_read_reward=-0.25,
    max_steps=MappingProxyType({"easy": 4, "medium": 30, "hard": 40, "expert": 50}),
)
PRESENT = ("server.episodes.start.RUBRIC", "server.ranking.rounds.RUBRIC")


@pytest.fixture(autouse=True)
def _two_rubrics(monkeypatch: pytest.MonkeyPatch) -> None:
    both = {**RUBRICS, OLD.version: OLD}
    for module in ("domain.rubric", "server.ranking.regrade"):
        monkeypatch.setattr(f"{module}.RUBRICS", both)


@pytest.fixture
async def old_store(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A store that a program wrote whose present rubric was ``OLD``: one episode of each way to end, and one that runs."""
    with monkeypatch.context() as then:
        for name in PRESENT:
            then.setattr(name, OLD)
        opened(settings, generator=InProcessSimulation.generator_version)
        key = key_of(settings, "ann")
        async with serving(settings, simulation=InProcessSimulation()) as served:
            for name in ("submitted", "out-of-steps", "running"):
                await served.reset(task_id="easy", seed=3, episode_id=name)
                assert (await served.step(name, READ))["reward"] == 0.5
            await served.step("submitted", SUBMIT)
            for _ in range(3):
                await served.step("out-of-steps", READ)
            served.client.headers["Authorization"] = f"Bearer {key}"
            for entry in (1, 2):
                begun = (await served.reset(round="spring", entry=entry))["info"]["episode_id"]
                await served.step(begun, SUBMIT)
    return settings


async def totals(served: Served) -> dict[str, tuple[float, float]]:
    listed = {}
    for name in ("submitted", "out-of-steps"):
        state = (await served.client.get("/state", params={"episode_id": name})).json()
        listed[name] = (state["total_reward"], state["score"])
    return listed


async def test_old_episodes_keep_their_rewards_and_scores(old_store: Settings) -> None:
    async with serving(old_store, simulation=InProcessSimulation()) as served:
        kept = await totals(served)
    assert kept["out-of-steps"] == (round(0.5 - 3 * 0.25 + 0.05, 4), 0.05)
    assert kept["submitted"][0] == round(0.5 + kept["submitted"][1], 4)
    assert changed(old_store, lambda connection: rebuild(connection, verify=True)).differences == ()


async def test_an_old_episode_goes_on_and_is_graded_by_its_rubric(old_store: Settings) -> None:
    async with serving(old_store, simulation=InProcessSimulation()) as served:
        assert (await served.step("running", READ))["reward"] == -0.25
        assert (await served.step("running", {"action_type": "read_logs"}))["reward"] == 0.5
        ended = await served.step("running", SUBMIT)
        assert ended["info"]["breakdown"]["failure_category"]["possible"] == 0.2
        await served.reset(task_id="easy", seed=3, episode_id="new")
        assert (await served.step("new", READ))["reward"] == RUBRIC.new_artifact_reward
    for name in ("running", "new"):
        report = await audit_by_settings(old_store, InProcessSimulation(), name)
        assert (report.findings, report.notes) == ((), ())


@pytest.mark.parametrize("name", ["submitted", "out-of-steps", "running"])
async def test_an_audit_takes_an_old_episode_s_actions_again(old_store: Settings, name: str) -> None:
    report = await audit_by_settings(old_store, InProcessSimulation(), name)
    assert (report.findings, report.notes) == ((), ())


async def test_an_audit_tells_of_a_rubric_that_it_does_not_know(
    old_store: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.rubric.RUBRICS", RUBRICS)
    (found,) = (await audit_by_settings(old_store, InProcessSimulation(), "submitted")).findings
    assert (found.code, found.message) == ("fold", "unknown rubric: version 'old'; this program knows 1, 2")


async def test_the_board_of_an_old_round_keeps_its_numbers(
    old_store: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as then:
        for name in (*PRESENT, "domain.ranking.statistics.RUBRIC", "server.ranking.board.RUBRIC"):
            then.setattr(name, OLD)
        async with serving(old_store, simulation=InProcessSimulation()) as served:
            before = (await served.client.get("/leaderboard.json", params={"round": "spring"})).json()
    async with serving(old_store, simulation=InProcessSimulation()) as served:
        after = (await served.client.get("/leaderboard.json", params={"round": "spring"})).json()
    assert after == before
    (row,) = after["rows"]
    assert row["interval"][0] >= OLD.lowest_score
    assert row["score"] >= OLD.lowest_score


async def test_a_regraded_board_has_the_floor_of_its_own_rubric(old_store: Settings) -> None:
    generous = parse_rubric({"version": "generous", "lowest_score": 0.3})
    done = changed(old_store, lambda connection: regrade(connection, generous, round_id="spring", now="n"))
    assert done.graded == 2
    async with serving(old_store, simulation=InProcessSimulation()) as served:
        asked = {"round": "spring", "rubric_version": "generous"}
        (row,) = (await served.client.get("/leaderboard.json", params=asked)).json()["rows"]
    assert min(row["score"], row["interval"][0]) >= 0.3


async def test_a_regrade_whose_version_the_program_took_later_keeps_its_numbers(
    old_store: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as then:
        then.setattr("server.ranking.regrade.RUBRICS", {OLD.version: OLD})
        earlier = parse_rubric({"version": "2", "lowest_score": 0.3})
        changed(old_store, lambda connection: regrade(connection, earlier, round_id="spring", now="n"))
    async with serving(old_store, simulation=InProcessSimulation()) as served:
        asked = {"round": "spring", "rubric_version": "2"}
        (row,) = (await served.client.get("/leaderboard.json", params=asked)).json()["rows"]
    assert min(row["score"], row["interval"][0]) >= 0.3
    for (name,) in execute(old_store.database_url, "SELECT episode_id FROM regrades"):
        report = await audit_by_settings(old_store, InProcessSimulation(), name)
        assert (report.findings, report.notes) == ((), ())


async def test_the_pages_say_how_many_steps_an_old_episode_has(old_store: Settings) -> None:
    async with serving(old_store, simulation=InProcessSimulation()) as served:
        listed = (await served.client.get("/episodes", params={"task": "easy"})).text
        live = (await served.client.get("/live")).text
        feed: Feed = served.app.state.pages.feed
        following = feed.follow(0)
        told = await anext(following)
        await following.aclose()
    assert '1 <span class="quiet">/ 4</span>' in listed
    assert "<span data-most>4</span>" in live
    assert b'"max_steps":4' in told[0].frame


def test_a_regrade_cannot_take_the_version_of_a_rubric_of_the_program() -> None:
    for version in ("1", "2", "old"):
        with pytest.raises(RubricError, match="other than 1, 2, old"):
            parse_rubric({"version": version})


def test_a_stored_rubric_that_names_no_reader_keeps_the_first_one() -> None:
    """Rubrics were stored before there was a second reader of words: what was regraded under them is derived by the first."""
    engine = sqlalchemy.create_engine("sqlite://")
    numbers = {"version": "stricter", "fix_points": 0.4}
    with engine.begin() as connection:
        rubrics.create(connection)
        connection.execute(rubrics.insert().values(rubric_version="stricter", body=json.dumps(numbers)))
        assert read_stored_rubric(connection, "stricter").reader == 1
    assert parse_rubric({"version": "new"}).reader == 2
