"""The live feed of a real server process, over a real connection."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import httpx

from tests.e2e.playing import Episode, open_client
from tests.e2e.running import STOP_SECONDS, ServerProcess


def heard(response: httpx.Response) -> Iterator[tuple[int, str]]:
    """Position and kind of each event, as they come."""
    position = 0
    for line in response.iter_lines():
        if line.startswith("id: "):
            position = int(line[4:])
        if line.startswith("data: "):
            yield position, json.loads(line[6:])["kind"]


def take(response: httpx.Response, count: int) -> list[tuple[int, str]]:
    following = heard(response)
    return [next(following) for _ in range(count)]


def test_a_watcher_that_was_cut_off_by_a_kill_gets_the_rest(own_server: ServerProcess) -> None:
    with open_client(own_server.url) as http, http.stream("GET", "/live/feed", params={"after": "0"}) as watching:
        episode = Episode(http, task_id="easy", seed=5)
        episode.step("read_config")
        first = take(watching, 2)
        own_server.kill()
    own_server.start()
    with open_client(own_server.url) as http:
        for action_type in ("read_logs", "submit_diagnosis"):
            http.post("/step", json={"episode_id": episode.id, "action": {"action_type": action_type}})
        with http.stream(
            "GET", "/live/feed", params={"after": "0"}, headers={"Last-Event-ID": str(first[-1][0])}
        ) as watching:
            rest = take(watching, 2)
    assert [kind for _, kind in first + rest] == ["reset", "read", "read", "submit"]
    positions = [position for position, _ in first + rest]
    assert positions == sorted(set(positions))


def test_a_server_that_is_stopped_does_not_wait_for_its_watchers(own_server: ServerProcess) -> None:
    with open_client(own_server.url) as http, http.stream("GET", "/live/feed") as watching:
        lines = watching.iter_lines()
        assert next(lines).startswith("retry:")
        before = time.monotonic()
        own_server.stop()
        print(f"stopped {time.monotonic() - before:.1f} s after it was told, with a watcher connected")
        assert time.monotonic() - before < STOP_SECONDS
        assert list(lines) == [""]
