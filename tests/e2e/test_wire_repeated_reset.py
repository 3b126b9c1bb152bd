"""WIRE.md, "Reset": an `episode_id` that exists gives the stored answer again, or is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.e2e.playing import (
    Episode,
    accepted,
    assert_problem,
)


def test_the_same_reset_again_gives_the_stored_answer(http: httpx.Client) -> None:
    parameters = {"task_id": "medium", "seed": 5, "episode_id": "twice", "agent": "a", "reward_mode": "sparse"}
    first, second = (http.post("/reset", json=parameters) for _ in range(2))
    assert accepted(second) == accepted(first)


def test_the_same_reset_again_records_nothing(http: httpx.Client) -> None:
    episode = Episode(http, seed=5, episode_id="recorded-once")
    Episode(http, seed=5, episode_id="recorded-once")
    assert [event["kind"] for event in episode.events()] == ["reset"]


def test_the_same_reset_without_a_seed_gives_the_stored_answer(http: httpx.Client) -> None:
    first, second = (accepted(http.post("/reset", json={"episode_id": "seedless"})) for _ in range(2))
    assert second == first


def test_the_defaults_spelled_out_are_the_same_parameters(http: httpx.Client) -> None:
    first = accepted(http.post("/reset", json={"episode_id": "spelled-out", "seed": 5}))
    spelled = {"episode_id": "spelled-out", "seed": 5, "task": "easy", "reward_mode": "shaped"}
    assert accepted(http.post("/reset", json=spelled)) == first


@pytest.mark.parametrize(
    "change",
    [{"task_id": "hard"}, {"seed": 8}, {"seed": None}, {"agent": "another"}, {"reward_mode": "sparse"}],
    ids=str,
)
def test_an_id_that_exists_with_other_parameters_is_refused(http: httpx.Client, change: dict[str, Any]) -> None:
    parameters = {"task_id": "easy", "seed": 5, "agent": "a", "reward_mode": "shaped"}
    episode = Episode(http, **parameters)
    changed = {**parameters, "episode_id": episode.id, **change}
    body = {key: value for key, value in changed.items() if value is not None}
    assert_problem(http.post("/reset", json=body), 409, "episode_exists")


def test_naming_the_seed_that_was_drawn_is_another_parameter(http: httpx.Client) -> None:
    episode = Episode(http)
    assert_problem(http.post("/reset", json={"episode_id": episode.id, "seed": 5}), 409, "episode_exists")


def test_an_id_that_exists_is_refused_once_a_step_was_taken(http: httpx.Client) -> None:
    episode = Episode(http, seed=5, episode_id="stepped")
    episode.step("read_config")
    assert_problem(http.post("/reset", json={"seed": 5, "episode_id": "stepped"}), 409, "episode_exists")


def test_a_refused_reset_leaves_the_episode_as_it_was(http: httpx.Client) -> None:
    episode = Episode(http, seed=5, episode_id="left-alone")
    episode.step("read_config")
    before = episode.state()
    assert_problem(http.post("/reset", json={"seed": 8, "episode_id": "left-alone"}), 409, "episode_exists")
    assert episode.state() == before


def test_the_same_reset_at_once_begins_one_episode(http: httpx.Client) -> None:
    """Without a seed, so that each of them draws one; only one of the draws may count."""
    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda _: accepted(http.post("/reset", json={"episode_id": "at-once"})), range(8)))
    assert all(answer == answers[0] for answer in answers)
    events = http.get("/episodes/at-once/events").json()
    assert [event["kind"] for event in events] == ["reset"]


def test_of_different_resets_of_one_id_at_once_one_wins(http: httpx.Client) -> None:
    def begin(seed: int) -> int:
        return http.post("/reset", json={"episode_id": "contested", "seed": seed}).status_code

    with ThreadPoolExecutor(8) as clients:
        codes = sorted(clients.map(begin, range(8)))
    assert codes == [200] + [409] * 7
