"""The doctor notices events that are dated in the future, also among older ones."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from server.operations.doctor import run_checks
from server.settings import Settings
from tests.served import serving

pytestmark = pytest.mark.both_backends
NOW = datetime(2031, 1, 1, tzinfo=UTC)
AHEAD = datetime(2040, 1, 1, tzinfo=UTC)


async def clock_line(settings: Settings) -> tuple[str, str]:
    found = next(each for each in await run_checks(settings, now=NOW) if each.name == "clock")
    return found.verdict, found.message


async def test_events_from_when_the_clock_was_ahead_are_counted(settings: Settings) -> None:
    moment = NOW
    async with serving(settings, clock=lambda: moment) as served:
        await served.reset(episode_id="e")
        assert (await clock_line(settings))[0] == "good"
        moment = AHEAD
        for action in ("read_config", "read_eval_results"):
            await served.step("e", {"action_type": action})
        verdict, message = await clock_line(settings)
        assert (verdict, "an event was recorded at 2040-01-01" in message) == ("bad", True)
        moment = NOW
        await served.step("e", {"action_type": "check_dataset_stats"})
    verdict, message = await clock_line(settings)
    assert verdict == "note"
    assert "2 events are dated later" in message
