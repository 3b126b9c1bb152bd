"""The count of modules and frames on the path of a request."""

from __future__ import annotations

import asyncio

import pytest

from bench.call_path import SOCKET_RESET, STEP, CallPath, measure, render


@pytest.fixture(scope="module")
def paths() -> dict[str, CallPath]:
    return asyncio.run(measure())


def test_a_step_is_followed_from_the_socket_to_the_writer_and_back(paths: dict[str, CallPath]) -> None:
    path = paths[STEP]
    entered = [
        "server.web.api.websocket",
        "server.episodes.service",
        "domain.episode.decide",
        "server.store",
        "server.episodes.responses",
    ]
    assert [module for module in path.modules if module in entered] == entered
    assert path.calls.count(("server.episodes.service", "Episodes.step")) == 1


@pytest.mark.parametrize("name", [STEP, SOCKET_RESET])
def test_no_frame_passes_the_middleware_again(paths: dict[str, CallPath], name: str) -> None:
    assert paths[name].modules[0] == "server.web.websocket_endpoint"
    assert not [module for module in paths[name].modules if module.startswith("server.web.middleware")]


def test_a_reset_on_a_cached_scenario_does_not_watch_its_client(paths: dict[str, CallPath]) -> None:
    assert "server.scenarios.requester" not in paths[SOCKET_RESET].modules


def test_the_path_does_not_grow(paths: dict[str, CallPath]) -> None:
    assert len(paths[STEP].modules) <= 20
    assert len(paths[STEP].calls) <= 50
    assert len(paths[SOCKET_RESET].calls) <= 92


def test_a_missed_target_is_said_to_be_missed() -> None:
    calls = tuple((f"server.module{number}", "function") for number in range(10))
    assert "10 modules, 10 frames (target: at most 9 modules, missed)" in render({STEP: CallPath(calls)})
    assert "9 modules, 9 frames (target: at most 9 modules, met)" in render({STEP: CallPath(calls[:9])})
