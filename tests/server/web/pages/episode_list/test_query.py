"""The queries of the list: by an index for every filter, and the same on both backends."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import sqlite

from server.settings import Settings
from server.web.pages.episode_list import totals
from server.web.pages.episode_list.filter import ListFilter, parse_list_request
from server.web.pages.episode_list.query import ended_query, list_query
from server.web.pages.episode_list.totals import TotalsCache
from tests.served import Served, serving
from tests.server.web.pages.episode_list.test_page import paths

QUERIES = (
    {},
    {"sort": "oldest"},
    {"sort": "best"},
    {"sort": "longest", "task": "hard"},
    {"task": "hard"},
    {"status": "running"},
    {"status": "idle", "least_score": "0.5"},
    {"least_steps": "40"},
)


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("agents", [None, ("a",), ("a", "b")])
async def test_every_list_is_read_by_an_index(
    served: Served, query: dict[str, str], agents: tuple[str, ...] | None
) -> None:
    wanted = parse_list_request(query).filter
    for statement in (
        list_query(wanted, agents, None, is_backward=False),
        ended_query(wanted, agents),
        ended_query(wanted, agents, after=9),
    ):
        sql = str(statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
        async with served.services.reader.connect() as connection:
            plan = [row.detail for row in await connection.execute(text(f"EXPLAIN QUERY PLAN {sql}"))]
        on_tables = [step for step in plan if re.search(r"(SCAN|SEARCH) (e|episodes|events)\b", step)]
        assert on_tables
        # The last position is the end of the table itself.
        assert [step for step in on_tables if "INDEX" not in step and step != "SEARCH events"] == []


@pytest.mark.parametrize("query", [*QUERIES, {"status": "submitted", "most_steps": "9", "most_score": "0.9"}])
@pytest.mark.parametrize("agents", [None, ("a",), ("a", "b")])
async def test_figures_of_what_ended_since_are_read_by_the_index_of_positions(
    served: Served, query: dict[str, str], agents: tuple[str, ...] | None
) -> None:
    statement = ended_query(parse_list_request(query).filter, agents, after=9)
    sql = str(statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    async with served.services.reader.connect() as connection:
        plan = [row.detail for row in await connection.execute(text(f"EXPLAIN QUERY PLAN {sql}"))]
    (on_episodes,) = [step for step in plan if re.match(r"(SCAN|SEARCH) e\b", step)]
    assert "ix_episodes_task_id_ended_position (task_id=? AND ended_position>?)" in on_episodes


@pytest.mark.both_backends
async def test_figures_that_are_brought_up_to_date_are_those_that_are_counted_anew(settings: Settings) -> None:
    wanted = [parse_list_request(query).filter for query in (*QUERIES, {"q": "a"}, {"agent": "b"}, {"status": "ended"})]
    async with serving(settings) as served:
        kept = TotalsCache(served.services)
        for number in range(6):
            name = f"e-{number}"
            await served.reset(episode_id=name, task_id=("easy", "medium", "hard")[number % 3], agent="ab"[number % 2])
            if number != 3:
                await served.step(name, {"action_type": "submit_diagnosis"})
            anew = TotalsCache(served.services)
            assert [await kept.read(each) for each in wanted] == [await anew.read(each) for each in wanted]
            assert await kept.count_ended() == await anew.count_ended() == number + 1 - (number >= 3)


async def test_no_more_filters_are_remembered_than_the_cache_has_room_for(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totals, "MAX_FILTERS", 2)
    cache = TotalsCache(served.services)
    for task in ("easy", "medium", "hard"):
        await cache.read(ListFilter.model_validate({"task": task}))
    assert len(cache._known) == 2


async def test_figures_of_what_runs_count_nothing_that_ended(served: Served) -> None:
    for name in ("over", "runs"):
        await served.reset(episode_id=name, task_id="easy")
    await served.step("over", {"action_type": "submit_diagnosis"})
    found = await TotalsCache(served.services).read(ListFilter(status="running"))
    assert (found.running, found.ended) == (1, 0)


@pytest.mark.both_backends
@pytest.mark.parametrize("query", QUERIES)
async def test_both_backends_list_the_same(settings: Settings, query: dict[str, str]) -> None:
    async with serving(settings) as served:
        for number, task in enumerate(("easy", "medium", "hard") * 4):
            await served.reset(episode_id=f"e-{number}", task_id=task, agent="ab"[number % 2])
            if number % 2:
                await served.step(f"e-{number}", {"action_type": "read_config"})
                await served.step(f"e-{number}", {"action_type": "submit_diagnosis"})
        listed = paths((await served.client.get("/episodes", params={**query, "q": "a"})).text)
        both = paths((await served.client.get("/episodes", params=query)).text)
        assert (await served.client.get("/live")).status_code == 200
        assert (await served.client.get("/")).status_code == 200
    assert set(listed) <= set(both)
    assert len(both) == {0: 12, 1: 12, 2: 6, 3: 2, 4: 4, 5: 6, 6: 0, 7: 0}[QUERIES.index(query)]
