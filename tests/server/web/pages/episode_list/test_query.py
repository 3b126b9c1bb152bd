"""The queries of the list: by an index for every filter, and the same on both backends."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import sqlite

from server.settings import Settings
from server.web.pages.episode_list.filter import parse_list_request
from server.web.pages.episode_list.query import list_query, totals_query
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
    for statement in (list_query(wanted, agents, None, is_backward=False), totals_query(wanted, agents)):
        sql = str(statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
        async with served.services.reader.connect() as connection:
            plan = [row.detail for row in await connection.execute(text(f"EXPLAIN QUERY PLAN {sql}"))]
        on_tables = [step for step in plan if re.search(r"(SCAN|SEARCH) (e|episodes|events)\b", step)]
        assert on_tables
        assert [step for step in on_tables if "INDEX" not in step] == []


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
