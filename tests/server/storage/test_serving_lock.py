"""A second server on one SQLite file causes a warning; both go on working."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from server.operations.doctor import run_checks
from server.settings import Settings
from server.storage.backend import open_backend
from tests.served import serving

READ = {"action_type": "read_config"}
WARNING = "another server serves"


async def database_line(settings: Settings) -> str:
    found = await run_checks(settings, now=datetime(2030, 1, 1, tzinfo=UTC))
    return next(each.message for each in found if each.name == "database")


async def test_a_server_that_is_alone_warns_of_nothing(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        async with serving(settings):
            pass
    assert not any(WARNING in each for each in caplog.messages)
    assert "a server serves it" not in await database_line(settings)


async def test_each_further_server_warns_and_works(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(settings) as first:
        await first.reset(episode_id="e", task_id="medium")
        assert "a server serves it" in await database_line(settings)
        for version in (2, 3):
            caplog.clear()
            async with serving(settings) as further:
                assert any(WARNING in each for each in caplog.messages)
                assert (await further.step("e", READ))["info"]["version"] == version


async def test_a_command_beside_a_server_warns_of_nothing(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(settings), open_backend(settings, is_server=False):
        assert not any(WARNING in each for each in caplog.messages)
