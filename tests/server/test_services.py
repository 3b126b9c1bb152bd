"""The measurements of the services of a running server."""

from __future__ import annotations

from server.settings import Settings
from tests.served import serving


async def test_every_event_of_a_commit_is_counted(settings: Settings) -> None:
    async with serving(settings) as served, served.socket() as socket:
        for _ in range(2):  # the second reset closes the first episode in the same commit
            await socket.say({"type": "reset"})
        measured = (await served.client.get("/metrics")).text
    assert 'mlops_debug_events_total{kind="reset"} 2.0' in measured
    assert 'mlops_debug_events_total{kind="expire"} 1.0' in measured
