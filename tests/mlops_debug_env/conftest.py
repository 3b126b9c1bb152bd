"""One server process for the folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.running import ServerProcess


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A running server on a database file of its own."""
    process = ServerProcess(tmp_path_factory.mktemp("evaluation-server"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A running server that a test may kill."""
    process = ServerProcess(tmp_path_factory.mktemp("own-server"))
    process.start()
    yield process
    process.stop()
