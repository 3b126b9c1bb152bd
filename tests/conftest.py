"""Fixtures that most tests of the server share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.evidence_view import EvidenceView
from domain.scenario import Scenario
from server.settings import Settings
from tests.hand_made import hand_made_scenario
from tests.served import Served, serving, settings_for


@pytest.fixture
def scenario() -> Scenario:
    return hand_made_scenario()


@pytest.fixture
def view(scenario: Scenario) -> EvidenceView:
    return EvidenceView(scenario.evidence)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path)


@pytest.fixture
async def served(settings: Settings) -> AsyncIterator[Served]:
    async with serving(settings) as running:
        yield running
