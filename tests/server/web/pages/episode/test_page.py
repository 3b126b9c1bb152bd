"""The page of an episode: what it shows to each viewer."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from domain.scenario import Scenario
from server.audit.report import AuditReport
from server.scenarios.repository import CachedScenario
from server.scenarios.simulation import InProcessSimulation
from server.settings import Settings
from server.web.pages.episode import page as episode_page
from server.web.pages.episode.audit_limit import MAX_PENDING_AUDITS
from server.web.pages.episode.twins import TwinCache
from tests.hand_made import REPAIR, HandMadeSimulation, hand_made_scenario
from tests.served import Served, serving

READ = {"action_type": "inspect_preprocessing"}
QUERY = {"action_type": "query_artifact", "artifact_name": "config.yaml", "field_path": "optimizer.momentum"}
SUBMIT = {"action_type": "submit_diagnosis", "root_cause_field": REPAIR.field, "patch": [REPAIR.model_dump()]}
SECRETS = ("data_leakage_scaler", "Fit the scaler", "scenario_digest", "run-00007", "support-tickets")


async def text_of(served: Served, path: str) -> str:
    response = await served.client.get(path, follow_redirects=True)
    assert response.status_code == 200, response.text
    return response.text


def panels(text: str) -> list[str]:
    return re.findall(r'<article class="card panel" data-panel="(\d+)"(?! hidden)>', text)


async def test_by_its_number_a_running_episode_shows_what_is_done_and_nothing_more(served: Served) -> None:
    await served.reset(task_id="medium", seed=770077, episode_id="secret-name")
    await served.step("secret-name", READ)
    await served.step("secret-name", QUERY)
    page = await text_of(served, "/episodes/~1")
    assert "Read preprocessing.py" in page
    assert "Queried config.yaml" in page
    for word in ("secret-name", "770077", "StandardScaler", "optimizer.momentum", *SECRETS):
        assert word not in page, word


EXPERIMENT: dict[str, Any] = {
    "action_type": "run_experiment",
    "patch": [{"file": "config.yaml", "field": "optimizer.momentum", "value": 0.25}],
}


async def test_experiments_are_a_table_for_those_who_may_see_results(served: Served) -> None:
    await served.reset(task_id="medium", seed=7, episode_id="e")
    for _ in range(3):
        await served.step("e", EXPERIMENT)
    own, public = await text_of(served, "/episodes/e"), await text_of(served, "/episodes/~1")
    assert '<h2 id="experiments">Experiments</h2>' in own
    assert "experiment 2</a>" in own
    assert "no experiment is left" in own
    assert "Ran experiment 2" in public
    for word in ("optimizer.momentum", "0.25", 'id="experiments"'):
        assert word not in public, word


async def test_the_block_of_a_document_is_shown_by_its_step_and_by_no_other(served: Served) -> None:
    stored = {"contents": {"sources": ["harbour"]}, "blocks": {"harbour.weight": {"mean": 17.5}, "harbour.age": 41.25}}
    begun = await served.reset(task_id="medium", seed=7, episode_id="e")
    assert begun["observation"]["available_artifacts"]
    cached = next(iter(served.services.scenarios._by_digest.values()))
    cached.view.evidence.artifacts["data_slices.json"] = json.dumps(stored)
    await served.step("e", {"action_type": "read_artifact", "artifact_name": "data_slices.json"})
    asked = {"action_type": "query_artifact", "artifact_name": "data_slices.json", "field_path": "harbour.weight"}
    await served.step("e", asked)
    page = await text_of(served, "/episodes/e")
    assert "17.5" in page
    assert "41.25" not in page


async def test_by_its_id_a_running_episode_shows_what_the_agent_was_shown_and_nothing_more(served: Served) -> None:
    await served.reset(task_id="medium", seed=770077, episode_id="e")
    await served.step("e", READ)
    page = await text_of(served, "/episodes/e")
    assert "StandardScaler().fit(everything)" in page
    for word in ("770077", "data_leakage_scaler", "Fit the scaler", "learning_rate: 1e-05", "train_loss", "0.7}"):
        assert word not in page, word


async def test_after_the_end_a_number_leads_to_the_id_and_everything_is_shown(served: Served) -> None:
    await served.reset(task_id="medium", seed=7, episode_id="e")
    await served.step("e", READ)
    await served.step("e", SUBMIT)
    moved = await served.client.get("/episodes/~1?step=1")
    assert (moved.status_code, moved.headers["location"]) == (303, "../episodes/e?step=1")
    page = await text_of(served, "/episodes/e")
    for word in ("data_leakage_scaler", "Fit the scaler", "chain holds, 3 events", "the fault is here"):
        assert word in page, word
    assert re.search(r'class="faulty ?">scaler = StandardScaler\(\)\.fit\(everything\)<span class="twin">', page)


async def test_edits_are_shown_as_they_were_sent(served: Served) -> None:
    edit = {"file": "preprocessing.py", "find": "fit(everything)", "replace": "fit(<train>)"}
    for number, edits in enumerate(([edit], "--- a/preprocessing.py\n+++ b/preprocessing.py\n")):
        await served.reset(task_id="medium", seed=7, episode_id=f"e{number}")
        await served.step(f"e{number}", {"action_type": "submit_diagnosis", "edits": edits})
    first, second = [await text_of(served, f"/episodes/e{number}") for number in (0, 1)]
    assert "preprocessing.py: replace\nfit(everything)\nby\nfit(&lt;train&gt;)" in first
    assert "+++ b/preprocessing.py" in second


@pytest.mark.parametrize(("asked", "shown"), [("", "2"), ("?step=1", "1"), ("?step=99", "2"), ("?step=-1", "2")])
async def test_a_step_has_an_address_that_works_without_a_script(served: Served, asked: str, shown: str) -> None:
    await served.reset(task_id="medium", seed=7, episode_id="e")
    await served.step("e", READ)
    await served.step("e", SUBMIT)
    assert panels(await text_of(served, f"/episodes/e{asked}")) == [shown]


async def test_what_an_agent_writes_is_text_and_never_markup(served: Served) -> None:
    script = "<script>alert(1)</script>"
    await served.reset(task_id="medium", seed=7, episode_id="e", agent=script)
    await served.step("e", {**QUERY, "field_path": script})
    await served.step("e", {"action_type": "read_logs", "log_filter": script})
    await served.step("e", {**SUBMIT, "diagnosis": script, "proposed_fix": f"'\"{script}"})
    for path in ("/episodes/e", "/episodes", "/live", "/", "/compare?a=e&b=e"):
        assert "<script>alert" not in await text_of(served, path), path


@pytest.mark.parametrize(
    "path", ["/episodes/none", "/episodes/~99", "/episodes/~0", "/episodes/a%20b", "/compare?a=x&b=y"]
)
async def test_an_unknown_episode_is_reported_on_a_page(served: Served, path: str) -> None:
    response = await served.client.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")
    assert "There is no such episode" in response.text


async def test_an_episode_in_the_middle_of_the_log_has_only_the_number_of_its_reset(served: Served) -> None:
    await served.reset(episode_id="e")
    await served.step("e", READ)
    assert (await served.client.get("/episodes/~2")).status_code == 404


@pytest.mark.parametrize(
    "path", ["/", "/episodes", "/live", "/play", "/compare", "/episodes/none", "/static/pages.css"]
)
async def test_pages_leave_with_a_strict_policy(served: Served, path: str) -> None:
    headers = (await served.client.get(path)).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


async def test_pages_hold_no_inline_script_or_style(served: Served) -> None:
    await served.reset(task_id="medium", seed=7, episode_id="e")
    await served.step("e", READ)
    await served.step("e", SUBMIT)
    for path in ("/", "/episodes", "/episodes/e", "/live", "/play", "/compare?a=e&b=e"):
        page = await text_of(served, path)
        assert not re.search(r'<script(?![^>]*(src=|application/json))|<style|\sstyle="|\son[a-z]+="', page), path
        assert not re.search(r'(src|href|action)="(https?:)?//', page), path


async def test_comparing_marks_where_two_part(served: Served) -> None:
    for name, then in (("a", QUERY), ("b", {"action_type": "read_config"})):
        await served.reset(task_id="medium", seed=7, episode_id=name)
        for action in (READ, then, SUBMIT):
            await served.step(name, action)
    page = await text_of(served, "/compare?a=a&b=b")
    assert "the same scenario" in page
    assert "part at step 2" in page
    assert page.count("they part here") == 1
    assert "They did the same" in await text_of(served, "/compare?e=a&e=a")


@pytest.fixture
async def real(settings: Settings) -> AsyncIterator[Served]:
    async with serving(settings, simulation=InProcessSimulation()) as running:
        yield running


@pytest.mark.both_backends
async def test_audit_now_audits_and_only_after_the_end(real: Served) -> None:
    await real.reset(task_id="medium", seed=7, episode_id="e")
    assert (await real.client.post("/episodes/e/audit")).status_code == 409
    await real.step("e", READ)
    await real.step("e", SUBMIT)
    audited = await real.client.post("/episodes/e/audit")
    assert audited.status_code == 200
    assert "No findings." in audited.text


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"origin": "http://evil.example"}])
async def test_an_audit_is_not_begun_by_a_page_of_another_site(served: Served, headers: dict[str, str]) -> None:
    await served.reset(episode_id="e")
    await served.step("e", SUBMIT)
    assert (await served.client.post("/episodes/e/audit", headers=headers)).status_code == 403


async def test_a_client_has_one_audit_and_few_are_waited_for(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    await served.reset(episode_id="e")
    await served.step("e", SUBMIT)
    begun, go_on = threading.Event(), threading.Event()

    async def paused_audit(*_: object) -> AuditReport:
        begun.set()
        await asyncio.to_thread(go_on.wait, 20)
        return AuditReport(episode_id="e", events=2, findings=(), notes=())

    monkeypatch.setattr(episode_page, "audit_episode", paused_audit)
    transports = [httpx.ASGITransport(served.app, client=(f"10.0.0.{n}", 1)) for n in range(MAX_PENDING_AUDITS + 1)]
    clients = [httpx.AsyncClient(transport=each, base_url="http://test") for each in transports]
    first = asyncio.create_task(clients[0].post("/episodes/e/audit"))
    await asyncio.to_thread(begun.wait, 20)
    again = await clients[0].post("/episodes/e/audit")
    assert (again.status_code, again.headers["retry-after"]) == (429, "1")
    waiting = [asyncio.create_task(each.post("/episodes/e/audit")) for each in clients[1:]]
    refused = await next(asyncio.as_completed(waiting))
    assert refused.status_code == 429
    assert "Too many audits" in refused.text
    go_on.set()
    answered = [each.status_code for each in await asyncio.gather(first, *waiting)]
    assert sorted(answered) == [200] * MAX_PENDING_AUDITS + [429]
    assert (await clients[0].post("/episodes/e/audit")).status_code == 200
    for each in clients:
        await each.aclose()


class FailingOnce(HandMadeSimulation):
    """Its first generation fails, after all have asked for it."""

    async def generate(self, *wanted: Any, **named: Any) -> Scenario:
        made = await super().generate(*wanted, **named)
        await asyncio.sleep(0)
        if len(self.generated) == 1:
            raise RuntimeError("the worker is gone")
        return made


async def test_a_twin_that_failed_does_not_take_a_newer_one_with_it() -> None:
    simulation, scenario = FailingOnce(), CachedScenario(hand_made_scenario(), is_stored=False)
    twins = TwinCache(simulation)

    async def ask_twice() -> None:
        with pytest.raises(RuntimeError):
            await twins.get(scenario)
        await twins.get(scenario)

    # Both wait for the one that fails, and the first asks again before the second has heard of it.
    await asyncio.gather(ask_twice(), ask_twice())
    assert len(simulation.generated) == 2
