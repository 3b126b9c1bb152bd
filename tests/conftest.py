"""Options, marks and fixtures that most tests share."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path

import pytest

from domain.episode.observation import EvidenceView
from domain.scenario import Scenario
from server.settings import Settings
from tests import left_out
from tests.bytecode import cache_bytecode
from tests.client.runner.ranked import RankedServer, serving_round
from tests.e2e.running import ServerProcess
from tests.hand_made import hand_made_scenario
from tests.postgres import PrivatePostgres, private_postgres
from tests.profiles import PROFILES, choose
from tests.served import Served, serving


@pytest.fixture
def scenario() -> Scenario:
    return hand_made_scenario()


@pytest.fixture
def view(scenario: Scenario) -> EvidenceView:
    return EvidenceView(scenario.evidence)


@pytest.fixture(autouse=True)
def ctrl_c_by_default() -> Iterator[None]:
    """Ctrl-C does what it does by default, and afterwards what it did before.

    A shell has it ignored by what runs in the background, the tests perhaps, and a command that a test runs in this process ignores it
    once its work is done, as its process should.
    """
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    if is_main:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    if is_main:
        signal.signal(signal.SIGINT, before)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--seeds",
        choices=PROFILES,
        default="quick",
        help="quick: a few seeds a fault and few examples a property; full: as many as CI tries",
    )


def pytest_configure(config: pytest.Config) -> None:
    choose(config.getoption("--seeds"))
    if (cache := getattr(config, "cache", None)) is not None:
        cache_bytecode(cache.mkdir("bytecode"))
    config.pluginmanager.register(left_out)


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: a worker that waits for a server or a timeout leaves its core to another."""
    return (os.cpu_count() or 1) + 1


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is marked ``both_backends`` runs on each."""
    named = any("backend" in each.args[0] for each in metafunc.definition.iter_markers("parametrize"))
    is_marked = metafunc.definition.get_closest_marker("both_backends") is not None
    if "backend" in metafunc.fixturenames and is_marked and not named:
        metafunc.parametrize("backend", ["sqlite", "postgres"])


@pytest.hookimpl(tryfirst=True)  # before marks are selected
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if _tries_more(item):
            item.add_marker("seeded")
        if _needs_postgres(item) and not item.get_closest_marker("always_postgres"):
            item.add_marker("postgres")
        for opted in ("strace", "proxy", "large"):
            if item.get_closest_marker(opted) and opted not in config.option.markexpr:
                item.add_marker(pytest.mark.skip(reason=f"opt in with pytest -m {opted}"))


def _tries_more(item: pytest.Item) -> bool:
    """Whether the profile or an extra changes what the test tries: its module draws seeds or examples, asks for a package, or
    starts servers, which the quick profile forks from one that has imported everything."""
    if item.get_closest_marker("openenv") or {"server", "own_server", "ranked"} & set(
        getattr(item, "fixturenames", ())
    ):
        return True
    source = _source_of(str(item.path))
    return any(word in source for word in ("hypothesis", "tests.profiles", "importorskip", "ServerProcess"))


@cache
def _source_of(path: str) -> str:
    return Path(path).read_text()


def _needs_postgres(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    named = None if callspec is None else callspec.params.get("backend")
    return named == "postgres" or "postgres" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session")
def ranked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RankedServer]:
    """A running server that asks for keys, with an open round; every key has attempts of its own."""
    with serving_round(tmp_path_factory.mktemp("ranked")) as server:
        yield server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A running server with the default settings; episodes are independent, so tests share it."""
    process = ServerProcess(tmp_path_factory.mktemp("server"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A running server that no other test has touched; it may be stopped, killed and started again."""
    process = ServerProcess(tmp_path_factory.mktemp("own-server"))
    process.start()
    yield process
    process.stop()


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
