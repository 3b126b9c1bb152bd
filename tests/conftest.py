"""Fixtures that most tests of the server share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from domain.evidence_view import EvidenceView
from domain.scenario import Scenario
from server.settings import Settings
from tests.hand_made import hand_made_scenario
from tests.postgres import PrivatePostgres, private_postgres
from tests.served import Served, serving


@pytest.fixture
def scenario() -> Scenario:
    return hand_made_scenario()


@pytest.fixture
def view(scenario: Scenario) -> EvidenceView:
    return EvidenceView(scenario.evidence)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is marked ``both_backends`` runs on each."""
    named = any("backend" in each.args[0] for each in metafunc.definition.iter_markers("parametrize"))
    is_marked = metafunc.definition.get_closest_marker("both_backends") is not None
    if "backend" in metafunc.fixturenames and is_marked and not named:
        metafunc.parametrize("backend", ["sqlite", "postgres"])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is opted into by name is skipped elsewhere."""
    for marker in ("strace", "proxy", "large"):
        if marker not in config.option.markexpr:
            for item in items:
                if item.get_closest_marker(marker):
                    item.add_marker(pytest.mark.skip(reason=f"opt in with pytest -m {marker}"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PrivatePostgres]:
    """The PostgreSQL server of this test run."""
    with private_postgres() as server:
        yield server


@pytest.fixture
def backend() -> str:
    return "sqlite"


@pytest.fixture
def database_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The URL of a new database on the backend of the test."""
    if backend == "sqlite":
        return f"sqlite:///{tmp_path / 'episodes.db'}"
    created: str = request.getfixturevalue("postgres").create_database()
    return created


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(database_url=database_url, secrets_folder=str(tmp_path / "secrets"))


@pytest.fixture
async def served(settings: Settings) -> AsyncIterator[Served]:
    async with serving(settings) as running:
        yield running
