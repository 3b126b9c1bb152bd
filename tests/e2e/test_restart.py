"""After a kill and a restart the server gives the same answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import httpx
import pytest

from tests.e2e.playing import REFUSED_QUERY, WRONG_DIAGNOSIS, Episode, Json, accepted, assert_problem, open_client
from tests.e2e.running import ServerProcess

UNTOUCHED: Json = {"task_id": "medium", "seed": 5, "episode_id": "untouched"}
SEEDLESS: Json = {"episode_id": "seedless"}


class Before(NamedTuple):
    """What the server had answered when it was killed."""

    resets: list[Json]
    """For the parameters of ``UNTOUCHED`` and ``SEEDLESS``."""
    final: Json
    """The answer that ended the episode ``ended``."""
    states: dict[str, Json]
    events: dict[str, list[Json]]


@pytest.fixture(scope="module")
def restarted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, Before]]:
    """A server that was killed and started again, and what it had answered before."""
    process = ServerProcess(tmp_path_factory.mktemp("restarted"))
    process.start()
    with open_client(process.url) as http:
        resets = [accepted(http.post("/reset", json=parameters)) for parameters in (UNTOUCHED, SEEDLESS)]
        ended, half = (
            Episode(http, seed=8, episode_id="ended"),
            Episode(http, task_id="hard", seed=9, episode_id="half"),
        )
        played = (ended, half, Episode(http, seed=5, episode_id="goes-on"))
        for episode in played:
            episode.play({"action_type": "read_config"}, request_id="r-1")
            episode.play(REFUSED_QUERY)
        final = ended.play(WRONG_DIAGNOSIS)
        before = Before(
            resets,
            final,
            {episode.id: episode.state() for episode in (ended, half)},
            {episode.id: episode.events() for episode in (ended, half)},
        )
    process.kill()
    process.start()
    yield process, before
    process.stop()


@pytest.fixture
def before(restarted: tuple[ServerProcess, Before]) -> Before:
    return restarted[1]


@pytest.fixture
def http(restarted: tuple[ServerProcess, Before]) -> Iterator[httpx.Client]:
    """A REST client of the server that came back; its cookie jar is empty."""
    with open_client(restarted[0].url) as client:
        yield client


@pytest.mark.parametrize("episode_id", ["ended", "half"])
def test_the_state_is_the_same(http: httpx.Client, before: Before, episode_id: str) -> None:
    assert accepted(http.get("/state", params={"episode_id": episode_id})) == before.states[episode_id]


@pytest.mark.parametrize("episode_id", ["ended", "half"])
def test_the_events_are_the_same(http: httpx.Client, before: Before, episode_id: str) -> None:
    assert http.get(f"/episodes/{episode_id}/events").json() == before.events[episode_id]


@pytest.mark.parametrize(("index", "parameters"), [(0, UNTOUCHED), (1, SEEDLESS)], ids=["seed", "no seed"])
def test_the_same_reset_gives_the_stored_answer(
    http: httpx.Client, before: Before, index: int, parameters: Json
) -> None:
    assert accepted(http.post("/reset", json=parameters)) == before.resets[index]


def test_a_step_after_the_end_gives_the_final_observation_again(http: httpx.Client, before: Before) -> None:
    after = accepted(http.post("/step", json={"episode_id": "ended", "action": {"action_type": "read_logs"}}))
    assert after == {**before.final, "reward": 0.0}


def test_a_request_id_is_still_known(http: httpx.Client) -> None:
    body = {"episode_id": "half", "action": {"action_type": "read_logs"}, "request_id": "r-1"}
    assert_problem(http.post("/step", json=body), 409, "request_id_reused")


def test_a_read_of_before_still_counts_as_the_same_read(http: httpx.Client) -> None:
    body = {"episode_id": "goes-on", "action": {"action_type": "read_config"}}
    assert accepted(http.post("/step", json=body))["reward"] == -0.02
