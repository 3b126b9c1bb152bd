"""Playing an episode by the forms of the play page."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from server.web import request_body as bodies
from server.web.pages.play.page import PLAYER_COOKIE
from tests.hand_made import REPAIR
from tests.served import Served


def hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)">', page))


class Player:
    """A browser without scripts."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.page = ""

    async def open(self) -> str:
        response = await self.client.get("/play")
        assert response.status_code == 200
        self.page = response.text
        return self.page

    async def send(self, path: str, **fields: Any) -> httpx.Response:
        """Fill a form of the page that is open and send it."""
        return await self.client.post(path, data={**hidden(self.page), **fields})

    async def act(self, **fields: Any) -> str:
        response = await self.send("/play/act", **fields)
        assert response.status_code == 303, response.text
        return await self.open()


@pytest.fixture
async def player(served: Served) -> Player:
    player = Player(served.client)
    await player.open()
    return player


async def begin(player: Player, **fields: Any) -> None:
    response = await player.send("/play/begin", task_id="medium", seed="7", **fields)
    assert (response.status_code, response.headers["location"]) == (303, "../play")
    await player.open()


async def test_a_person_investigates_with_the_same_actions_and_the_same_log(served: Served, player: Player) -> None:
    await begin(player, agent="ada")
    assert "StandardScaler().fit(everything)" in await player.act(
        action_type="read_artifact", artifact_name="preprocessing.py"
    )
    await player.act(action_type="read_logs", log_filter="epoch:2")
    await player.act(action_type="query_artifact", artifact_name="config.yaml", field_path="optimizer.momentum")
    await player.act(action_type="run_sanity_check", sanity_check_type="data_leakage")
    over = await player.act(
        action_type="submit_diagnosis",
        failure_category="data_leakage",
        root_cause_file="preprocessing.py",
        root_cause_field=REPAIR.field,
        patch_field=REPAIR.field,
        patch_value="train",
        confidence="80",
    )
    assert "It is over" in over
    assert "Brier 0.04" in over
    number = re.search(r'href="\./episodes/([^"~]+)"', over)
    assert number is not None
    events = await served.services.episodes.events(number[1])
    assert [each.kind for each in events] == ["reset", "read", "read", "query", "check", "submit"]
    assert events[1].actor == "ada"


async def test_a_person_runs_experiments(served: Served, player: Player) -> None:
    await begin(player)
    shown = await player.act(action_type="run_experiment", patch_field="optimizer.momentum", patch_value="0.5")
    assert "<code>optimizer.momentum</code> of config.yaml set to <code>0.5</code>" in shown
    assert "1 left" in shown
    shown = await player.act(action_type="run_experiment", patch_field="", patch_value="")
    assert "Nothing was changed but the training seed." in shown
    assert 'value="run_experiment"' not in shown


async def test_a_form_that_is_sent_twice_costs_one_step(player: Player) -> None:
    await begin(player)
    read = {"action_type": "read_artifact", "artifact_name": "config.yaml"}
    for _ in range(2):
        assert (await player.send("/play/act", **read)).status_code == 303
    assert "1 of 30" in await player.open()


async def test_a_form_of_an_old_page_does_nothing_and_shows_the_current_state(player: Player) -> None:
    await begin(player)
    old = player.page
    await player.act(action_type="read_artifact", artifact_name="config.yaml")
    player.page = old
    # The same form would be the same step; another action from the old page is not.
    late = await player.send("/play/act", action_type="run_sanity_check", sanity_check_type="data_leakage")
    assert late.status_code == 409
    assert "The episode has moved on" in late.text
    assert "1 of 30" in late.text


async def test_an_invalid_action_is_reported_and_costs_nothing(player: Player) -> None:
    await begin(player)
    wrong = await player.send("/play/act", action_type="submit_diagnosis", confidence="200", diagnosis="kept words")
    assert wrong.status_code == 422
    assert "confidence" in wrong.text
    assert "kept words" in wrong.text
    assert "0 of 30" in await player.open()


EDIT = {
    "action_type": "submit_diagnosis",
    "edit_file": "preprocessing.py",
    "edit_find": "  fit(everything)\r\n",
    "edit_replace": "  fit(train)\r\n",
}
DIFF = "--- a/preprocessing.py\r\n+++ b/preprocessing.py\r\n"


async def submitted(served: Served, page: str) -> Any:
    """What was recorded of the diagnosis that ended the episode of the page."""
    number = re.search(r'href="\./episodes/([^"~]+)"', page)
    assert number is not None
    event = (await served.client.get(f"/episodes/{number[1]}/events")).json()[-1]
    return event["payload"]["entries"][0]["diagnosis"]


async def test_edits_are_sent_as_they_were_typed_with_the_line_ends_of_files(served: Served, player: Player) -> None:
    await begin(player)
    over = await player.act(**EDIT)
    expected = {"file": "preprocessing.py", "find": "  fit(everything)\n", "replace": "  fit(train)\n"}
    assert (await submitted(served, over))["edits"] == [expected]
    await begin(player)
    over = await player.act(action_type="submit_diagnosis", edit_diff=DIFF)
    assert (await submitted(served, over))["edits"] == DIFF.replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("also", "told"),
    [
        ({"edit_diff": DIFF}, "The edits are given twice"),
        ({"patch_field": REPAIR.field, "patch_value": "train"}, "give patch or edits, not both"),
    ],
)
async def test_a_fix_in_two_forms_is_refused_and_nothing_typed_is_lost(
    player: Player, also: dict[str, str], told: str
) -> None:
    await begin(player)
    refused = await player.send("/play/act", **EDIT, **also, diagnosis="kept words")
    assert refused.status_code == 422
    for word in (told, "kept words", "\n  fit(everything)", "\n  fit(train)", *also.values()):
        assert word.replace("\r\n", "\n") in refused.text.replace("\r\n", "\n"), word
    assert "0 of 30" in await player.open()


async def test_the_task_stands_above_everything_that_can_be_done(player: Player) -> None:
    await begin(player)
    page = await player.open()
    assert page.index("You are given the artifacts") < page.index('action="./play/act"')
    assert 'id="task" open' in page
    later = await player.act(action_type="read_artifact", artifact_name="config.yaml")
    assert 'id="task" open' not in later
    assert "You are given the artifacts" in later


@pytest.mark.parametrize("seed", ["-1", "abc", "9" * 30])
async def test_an_invalid_seed_is_reported(player: Player, seed: str) -> None:
    refused = await player.send("/play/begin", task_id="easy", seed=seed)
    assert refused.status_code == 422
    assert "Investigate it yourself" in refused.text


@pytest.mark.parametrize("path", ["/play/begin", "/play/act"])
async def test_another_site_cannot_play_in_a_persons_name(player: Player, path: str) -> None:
    await begin(player)
    fields = {"action_type": "read_artifact", "artifact_name": "config.yaml", "task_id": "easy"}
    filled = {**hidden(player.page), **fields}
    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://evil.example"},
    ):
        assert (await player.client.post(path, data=filled, headers=headers)).status_code == 403
    assert (await player.client.post(path, data={**filled, "token": "0" * 32})).status_code == 403
    assert (await player.client.post(path, data=fields)).status_code == 403
    player.client.cookies.clear()
    assert (await player.client.post(path, data=filled)).status_code == 403


async def test_the_players_cookie_is_out_of_reach_of_scripts_and_of_other_sites(served: Served) -> None:
    cookie = (await served.client.get("/play")).headers["set-cookie"].lower()
    assert cookie.startswith(f"{PLAYER_COOKIE}=play-")
    assert {"httponly", "samesite=lax", "path=/play"} <= {part.strip() for part in cookie.split(";")}


async def test_the_page_of_a_running_game_tells_neither_truth_nor_unread_lines(player: Player) -> None:
    await begin(player)
    page = await player.act(action_type="read_artifact", artifact_name="config.yaml")
    for word in ("data_leakage_scaler", "Fit the scaler", "fit(everything)", "train_loss=1.2", "is here"):
        assert word not in page, word


async def test_beginning_another_closes_the_first(served: Served, player: Player) -> None:
    await begin(player)
    await begin(player)
    listed = (await served.client.get("/episodes")).text
    assert listed.count("abandoned</span>") == 1
    assert listed.count("running</span>") == 1


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a=1&" * 200])
async def test_a_body_that_is_no_form_is_refused(served: Served, body: bytes) -> None:
    response = await served.client.post(
        "/play/act", content=body, headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert response.status_code in (400, 403)


@pytest.mark.parametrize("path", ["/play/begin", "/play/act"])
async def test_a_form_that_never_ends_is_not_waited_for(
    served: Served, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "BODY_TIMEOUT_SECONDS", 0.05)

    async def endless() -> AsyncIterator[bytes]:
        yield b"token="
        await asyncio.Event().wait()

    form = {"content-type": "application/x-www-form-urlencoded"}
    async with asyncio.timeout(20):
        response = await served.client.post(path, content=endless(), headers=form)
    assert response.status_code == 408
    assert "too slow" in response.text


async def test_a_form_beyond_the_limit_is_refused(served: Served) -> None:
    body = b"a=" + b"x" * served.services.settings.body_limit_bytes
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert (await served.client.post("/play/act", content=body, headers=form)).status_code == 413
