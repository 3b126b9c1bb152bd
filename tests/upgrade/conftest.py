"""Stores of released versions, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.running import ServerProcess, environment
from tests.upgrade.stores import RELEASES, Store, unpack


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module", params=RELEASES)
def release(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def _unpacked(request: pytest.FixtureRequest, release: str, backend: str, folder: Path) -> Store:
    return unpack(release, folder, request.getfixturevalue("postgres") if backend == "postgres" else None)


@pytest.fixture
def store(request: pytest.FixtureRequest, release: str, backend: str, tmp_path: Path) -> Store:
    """A store as the release left it."""
    return _unpacked(request, release, backend, tmp_path)


class Upgraded:
    """A store that this version serves, and how it was before anything was played on."""

    def __init__(self, store: Store, process: ServerProcess) -> None:
        self.store = store
        self.process = process
        self.url = process.url


@pytest.fixture(scope="module")
def upgraded(
    request: pytest.FixtureRequest, release: str, backend: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Upgraded]:
    store = _unpacked(request, release, backend, tmp_path_factory.mktemp("store"))
    process = ServerProcess(
        tmp_path_factory.mktemp("server"), child_environment=environment(**store.environment), database_argument=False
    )
    process.start()
    yield Upgraded(store, process)
    process.stop()
