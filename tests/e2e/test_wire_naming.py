"""WIRE.md, "Step": how a call names its episode; a call that names none never gets another client's episode."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.e2e.playing import Episode, accepted, assert_problem

READ = {"action": {"action_type": "read_config"}}


def test_the_body_names_the_episode(http: httpx.Client, cookieless: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    body = accepted(cookieless.post("/step", json={"episode_id": episode.id, **READ}))
    assert body["info"]["episode_id"] == episode.id


def test_the_path_names_the_episode(http: httpx.Client, cookieless: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    body = accepted(cookieless.post(f"/episodes/{episode.id}/step", json=READ))
    assert body["info"]["episode_id"] == episode.id


def test_the_query_names_the_episode(http: httpx.Client, cookieless: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    body = accepted(cookieless.post("/step", params={"episode_id": episode.id}, json=READ))
    assert body["info"]["episode_id"] == episode.id


def test_the_flat_body_names_the_episode(http: httpx.Client, cookieless: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    body = accepted(cookieless.post("/step", json={"episode_id": episode.id, "action_type": "read_config"}))
    assert body["info"]["episode_id"] == episode.id


def test_the_cookie_names_the_episode_where_nothing_else_does(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    assert accepted(http.post("/step", json=READ))["info"]["episode_id"] == episode.id


def test_the_cookie_names_the_latest_reset(http: httpx.Client) -> None:
    Episode(http, seed=5)
    latest = Episode(http, seed=8)
    assert accepted(http.post("/step", json=READ))["info"]["episode_id"] == latest.id


def test_the_cookie_is_not_looked_at_where_the_body_names_another(http: httpx.Client) -> None:
    named, of_the_cookie = Episode(http, seed=5), Episode(http, seed=8)
    assert accepted(http.post("/step", json={"episode_id": named.id, **READ}))["info"]["episode_id"] == named.id
    assert of_the_cookie.state()["step_count"] == 0


def test_the_same_name_three_times_is_one_name(http: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    response = http.post(
        f"/episodes/{episode.id}/step", params={"episode_id": episode.id}, json={"episode_id": episode.id, **READ}
    )
    assert accepted(response)["info"]["episode_id"] == episode.id


@pytest.mark.parametrize("places", ["path and body", "path and query", "body and query"])
def test_two_different_names_are_ambiguous(http: httpx.Client, places: str) -> None:
    one, other = Episode(http, seed=5), Episode(http, seed=8)
    path = f"/episodes/{one.id}/step" if "path" in places else "/step"
    query = {"episode_id": other.id} if "query" in places else {}
    body = {"episode_id": one.id if places == "body and query" else other.id} if "body" in places else {}
    assert_problem(http.post(path, params=query, json={**body, **READ}), 400, "episode_ambiguous")
    assert (one.state()["step_count"], other.state()["step_count"]) == (0, 0)


def test_two_different_names_in_one_query_are_ambiguous(http: httpx.Client) -> None:
    one, other = Episode(http, seed=5), Episode(http, seed=8)
    path = f"/step?episode_id={one.id}&episode_id={other.id}"
    assert_problem(http.post(path, json=READ), 400, "episode_ambiguous")
    assert (one.state()["step_count"], other.state()["step_count"]) == (0, 0)


def test_a_step_that_names_nothing_is_unnamed(http: httpx.Client, cookieless: httpx.Client) -> None:
    episode = Episode(http, seed=5)
    assert_problem(cookieless.post("/step", json=READ), 400, "episode_unnamed")
    assert episode.state()["step_count"] == 0


def test_a_state_that_names_nothing_is_unnamed(http: httpx.Client, cookieless: httpx.Client) -> None:
    Episode(http, seed=5)
    assert_problem(cookieless.get("/state"), 400, "episode_unnamed")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/episodes/nobody/step", READ),
        ("POST", "/step?episode_id=nobody", READ),
        ("POST", "/step", {"episode_id": "nobody", **READ}),
        ("GET", "/state?episode_id=nobody", None),
        ("GET", "/openenv/state?episode_id=nobody", None),
        ("GET", "/episodes/nobody/events", None),
    ],
)
def test_an_unknown_episode_is_not_found(
    cookieless: httpx.Client, method: str, path: str, body: dict[str, Any] | None
) -> None:
    assert_problem(cookieless.request(method, path, json=body), 404, "unknown_episode")


def test_clients_with_cookies_of_their_own_play_their_own_episodes(
    http: httpx.Client, cookieless: httpx.Client
) -> None:
    mine, yours = Episode(http, seed=5), Episode(cookieless, seed=5)
    assert accepted(http.post("/step", json=READ))["info"]["episode_id"] == mine.id
    assert accepted(cookieless.post("/step", json=READ))["info"]["episode_id"] == yours.id
