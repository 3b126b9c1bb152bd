"""Up to four episodes side by side."""

from __future__ import annotations

import re

import pytest

from tests.hand_made import REPAIR
from tests.served import Served

READS = {"c": "read_config", "l": "read_logs", "p": "inspect_preprocessing"}


async def play(served: Served, name: str, reads: str, **diagnosis: object) -> str:
    """An episode with these reads and a diagnosis."""
    await served.reset(task_id="medium", seed=7, episode_id=name, agent=f"agent-{name}")
    for read in reads:
        await served.step(name, {"action_type": READS[read]})
    await served.step(name, {"action_type": "submit_diagnosis", **diagnosis})
    return f"e={name}"


def step_rows(page: str) -> list[list[str]]:
    """What stands in the cells of the steps; empty where an episode did nothing."""
    table = page[page.index('class="pairs steps"') :]
    rows = re.findall(r"<tr class=.*?</tr>", table, re.DOTALL)
    cells = [re.findall(r"<td>(.*?)</td>", row, re.DOTALL) for row in rows]
    return [
        [found[1] if (found := re.search(r'class="what">(.*?)[ <]', cell)) else "" for cell in row] for row in cells
    ]


async def test_the_same_actions_stand_in_one_row_and_each_episode_keeps_its_order(served: Served) -> None:
    chosen = [await play(served, name, reads) for name, reads in (("x", "cl"), ("y", "cpl"), ("z", "l"))]
    page = (await served.client.get(f"/compare?{'&'.join(chosen)}")).text
    table = page[page.index('class="pairs steps"') :]
    titles = re.findall(r'class="what">([^<]+?) *(?:<|$)', table)
    assert titles == [
        *["Began, task medium"] * 3,
        *["Read config.yaml"] * 2,
        "Read preprocessing.py",
        *["Read train.log"] * 3,
        *["Submitted a diagnosis"] * 3,
    ]
    assert [sum(map(bool, row)) for row in step_rows(page)] == [3, 2, 1, 3, 3]
    assert "part at step 1" in page


async def test_verdicts_and_what_was_submitted_are_above_the_steps(served: Served) -> None:
    right = {"root_cause_file": "preprocessing.py", "root_cause_field": REPAIR.field, "patch": [REPAIR.model_dump()]}
    chosen = [
        await play(served, "x", "c", **right, confidence=0.9, diagnosis="It leaks."),
        await play(served, "y", "c", root_cause_file="config.yaml"),
    ]
    page = (await served.client.get(f"/compare?{'&'.join(chosen)}")).text
    verdicts = page[page.index('class="pairs verdicts"') : page.index('class="pairs steps"')]
    for word in ("data_leakage_scaler", "It leaks.", "90 %", "mark-full", "mark-none", "config.yaml", "agent-x"):
        assert word in verdicts, word


async def test_a_running_episode_is_compared_without_what_is_hidden(served: Served) -> None:
    over = await play(served, "x", "c")
    await served.reset(task_id="medium", seed=7, episode_id="secret-name")
    running = (await served.client.get("/episodes.json?status=running")).json()["episodes"][0]["number"]
    page = (await served.client.get(f"/compare?{over}&e={running}")).text
    assert "One of them still runs" in page
    assert "secret-name" not in page
    assert "shown after the end" in page


async def test_five_are_too_many_and_the_page_says_how_many_fit(served: Served) -> None:
    chosen = "&".join([await play(served, f"x{number}", "") for number in range(5)])
    refused = await served.client.get(f"/compare?{chosen}")
    assert refused.status_code == 422
    assert "At most 4 episodes fit side by side, and 5 were chosen" in refused.text


@pytest.mark.parametrize("query", ["", "?e=x", "?a=x", "?a=x&b=y&edit=yes"])
async def test_fewer_than_two_are_asked_for(served: Served, query: str) -> None:
    page = await served.client.get(f"/compare{query}")
    assert page.status_code == 200
    assert "Compare episodes" in page.text
    assert ('value="x"' in page.text) == ("x" in query)
