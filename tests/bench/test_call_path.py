"""The count of modules and frames on the path of a request."""

from __future__ import annotations

from bench.call_path import STEP, CallPath, measure, render


async def test_a_step_is_followed_from_the_socket_to_the_writer_and_back() -> None:
    path = (await measure())[STEP]
    entered = [
        "server.web.api.websocket",
        "server.episodes.service",
        "domain.episode.decide",
        "server.store",
        "server.episodes.responses",
    ]
    assert [module for module in path.modules if module in entered] == entered
    assert path.calls.count(("server.episodes.service", "Episodes.step")) == 1


def test_a_missed_target_is_said_to_be_missed() -> None:
    calls = tuple((f"server.module{number}", "function") for number in range(10))
    assert "10 modules, 10 frames (target: at most 9 modules, missed)" in render({STEP: CallPath(calls)})
    assert "9 modules, 9 frames (target: at most 9 modules, met)" in render({STEP: CallPath(calls[:9])})
