"""Operators' commands and pages find an episode by the name that its player gave, and list several that have it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from subprocess import CompletedProcess

import httpx
import pytest

from server.security.api_keys import create_key
from server.settings import Settings
from tests.e2e.running import run_command_in_process
from tests.operating import changed
from tests.rounds import NOW
from tests.served import Served, serving

pytestmark = pytest.mark.both_backends
DIAGNOSIS = {"action_type": "submit_diagnosis"}


@pytest.fixture
def keys(settings: Settings) -> dict[str, str]:
    scopes = {"ann": ["agent"], "bob": ["agent"], "eve": ["viewer"]}
    return {
        name: changed(settings, lambda c, n=name, s=scope: create_key(c, n, s, kind="agent", now=NOW))  # type: ignore[misc]
        for name, scope in scopes.items()
    }


@pytest.fixture
async def served(settings: Settings, keys: dict[str, str]) -> AsyncIterator[Served]:
    """Ann and Bob have an ended `shared`, Ann has an ended `ended` and a running `runs`; `open` and `both` belong to no key, and Bob
    has a `both`, too."""
    async with serving(settings) as served:
        begun = (("ann", "shared"), ("bob", "shared"), ("ann", "ended"), ("ann", "runs"), ("bob", "both"))
        for agent, name in (*begun, (None, "open"), (None, "both")):
            headers = {} if agent is None else {"Authorization": f"Bearer {keys[agent]}"}
            body = {"episode_id": name}
            assert (await served.client.post("/reset", json=body, headers=headers)).status_code == 200
            if name != "runs":
                step = {**body, "action": DIAGNOSIS}
                assert (await served.client.post("/step", json=step, headers=headers)).status_code == 200
        yield served


def command(settings: Settings, *arguments: str) -> CompletedProcess[str]:
    environ = {"MLOPS_DEBUG_DATABASE_URL": settings.database_url, "MLOPS_DEBUG_SECRETS_FOLDER": settings.secrets_folder}
    return run_command_in_process(*arguments, settings=environ)


async def page(served: Served, path: str, key: str | None = None) -> httpx.Response:
    headers = {"Accept": "text/html"} if key is None else {"Accept": "text/html", "Authorization": f"Bearer {key}"}
    return await served.client.get(path, headers=headers)


def prefixed(keys: dict[str, str], agent: str, name: str) -> str:
    return f"{keys[agent].split('_')[1]}:{name}"


async def test_a_command_finds_an_episode_by_the_name_that_its_player_gave(
    served: Served, settings: Settings, keys: dict[str, str]
) -> None:
    for name, stored in (("runs", prefixed(keys, "ann", "runs")), ("open", "open")):
        replayed = command(settings, "replay", name)
        assert replayed.stdout.startswith(f"episode {stored}, ")
        assert replayed.returncode == 0
        assert stored in command(settings, "audit", name).stdout


async def test_a_command_lists_the_episodes_that_several_players_named_alike(
    served: Served, settings: Settings, keys: dict[str, str]
) -> None:
    for name in ("replay", "audit"):
        done = command(settings, name, "shared")
        assert (done.returncode, done.stdout) == (2, "")
        (line,) = [line for line in done.stderr.splitlines() if not line.startswith("database: ")]
        listed = " ".join(f"{prefixed(keys, agent, 'shared')} (agent {agent})," for agent in ("ann", "bob"))
        assert line == f"error: several players have an episode shared; name one of {listed.removesuffix(',')}"


async def test_a_stored_name_means_the_episode_that_is_stored_under_it(served: Served, settings: Settings) -> None:
    assert command(settings, "replay", "both").stdout.startswith("episode both, ")


async def test_a_name_that_no_episode_has_is_reported(served: Served, settings: Settings) -> None:
    done = command(settings, "replay", "absent")
    assert done.returncode == 2
    assert "there is no episode absent" in done.stderr


async def test_a_page_finds_an_episode_by_the_name_that_its_player_gave(served: Served, keys: dict[str, str]) -> None:
    for path in ("/episodes/ended", "/compare?a=ended&b=open"):
        found = await page(served, path)
        assert found.status_code == 200
        assert prefixed(keys, "ann", "ended") in found.text
    assert (await page(served, "/episodes?q=ended")).headers["location"].endswith("/episodes/ended")


async def test_a_page_lists_the_episodes_that_several_players_named_alike(served: Served, keys: dict[str, str]) -> None:
    found = await page(served, "/episodes/shared")
    assert found.status_code == 409
    for agent in ("ann", "bob"):
        assert prefixed(keys, agent, "shared") in found.text


async def test_a_player_is_shown_the_own_episode_of_several(served: Served, keys: dict[str, str]) -> None:
    found = await page(served, "/episodes/shared", keys["bob"])
    assert found.status_code == 200
    assert prefixed(keys, "bob", "shared") in found.text
    assert prefixed(keys, "ann", "shared") not in found.text


async def test_a_running_episode_is_found_by_its_player_and_by_viewers_only(
    served: Served, keys: dict[str, str]
) -> None:
    statuses = {who: (await page(served, "/episodes/runs", keys[who])).status_code for who in keys}
    assert statuses == {"ann": 200, "bob": 404, "eve": 200}
    assert (await page(served, "/episodes/runs")).status_code == 404
