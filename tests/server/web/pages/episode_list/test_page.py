"""The list of episodes: filters, order and paging, against a plain reading of the same rows."""

from __future__ import annotations

import re
from typing import Any

import pytest

from server.web.pages.episode_list.filter import PAGE_SIZE
from tests.served import Served

SUBMIT = {"action_type": "submit_diagnosis"}
READ = {"action_type": "read_config"}
TASKS = ("easy", "medium", "hard")


@pytest.fixture
async def many(served: Served) -> Served:
    """More than two pages of episodes; each third one runs."""
    for number in range(2 * PAGE_SIZE + 20):
        name = f"e-{number:03d}"
        await served.reset(episode_id=name, task_id=TASKS[number % 3], agent=f"agent-{number % 4}")
        for _ in range(number % 3):
            await served.step(name, READ)
        if number % 3:
            await served.step(name, {**SUBMIT, "root_cause_file": "preprocessing.py" if number % 2 else "none"})
    return served


def paths(text: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="./episodes/([^"]+)"', text)


def link(text: str, rel: str) -> str | None:
    found = re.search(rf'rel="{rel}" href="([^"]+)"', text)
    return found[1].replace("&amp;", "&") if found else None


async def pages(served: Served, query: str) -> list[list[str]]:
    """All pages of a list, by following their links."""
    found, address = [], query
    while address is not None:
        response = await served.client.get(f"/episodes{address}")
        assert response.status_code == 200
        found.append(paths(response.text))
        address = link(response.text, "next")
        assert len(found) < 10
    return found


async def test_paging_shows_every_episode_once_in_order(many: Served) -> None:
    for sort in ("newest", "oldest", "best", "worst", "longest", "shortest"):
        listed = [path for page in await pages(many, f"?sort={sort}") for path in page]
        assert listed == await expected_order(many, sort), sort


async def expected_order(served: Served, sort: str) -> list[str]:
    """The order by plain sorting of what the state of each episode says."""
    rows: list[tuple[Any, str, str]] = []
    for number in range(2 * PAGE_SIZE + 20):
        name = f"e-{number:03d}"
        events = await served.services.episodes.events(name)
        state = (await served.client.get("/state", params={"episode_id": name})).json()
        key = {"n": events[0].recorded_at, "o": events[0].recorded_at, "b": state["score"], "w": state["score"]}
        by = key.get(sort[0], state["step_count"])
        if state["done"] or sort in ("newest", "oldest"):
            rows.append((by, name, name if state["done"] else f"~{events[0].position}"))
    return [path for _, _, path in sorted(rows, reverse=sort in ("newest", "best", "longest"))]


async def test_going_back_gives_the_page_that_was_left(many: Served) -> None:
    first = (await many.client.get("/episodes?sort=best")).text
    second = (await many.client.get(f"/episodes{link(first, 'next')}")).text
    back = (await many.client.get(f"/episodes{link(second, 'prev')}")).text
    assert paths(back) == paths(first)
    assert link(back, "prev") is None


async def test_filters_keep_what_they_say(many: Served) -> None:
    async def count(query: str) -> int:
        return sum(len(page) for page in await pages(many, query))

    assert await count("?status=running") == 40
    assert await count("?status=ended") == 80
    assert await count("?task=easy") == 40
    assert await count("?task=medium&status=submitted") == 40
    assert await count("?agent=agent-1&sort=best") == 20
    assert await count("?q=agent-&least_score=0.2") == 40
    assert await count("?q=agent-3&task=easy") == 10
    assert await count("?q=nobody") == 0
    assert await count("?least_steps=3") == 40
    assert await count("?status=idle") == 0


async def test_the_list_names_no_running_episode_by_its_id(many: Served) -> None:
    listed = "".join([(await many.client.get(f"/episodes{query}")).text for query in ("", "?status=running")])
    assert "e-000" not in listed
    assert "~1" in listed


async def test_searching_an_id_or_a_number_leads_to_the_episode(many: Served) -> None:
    by_id = await many.client.get("/episodes?q=e-001")
    by_number = await many.client.get("/episodes?q=~1")
    assert (by_id.status_code, by_id.headers["location"]) == (303, "./episodes/e-001")
    assert by_number.headers["location"] == "./episodes/~1"


async def test_the_beginning_of_a_running_episodes_id_finds_nothing(many: Served) -> None:
    assert paths((await many.client.get("/episodes?q=e-00")).text) == []
