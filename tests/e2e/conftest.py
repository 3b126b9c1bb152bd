"""One server process for the whole folder, clients with an empty cookie jar each, and servers of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.playing import Socket, open_client, open_socket
from tests.e2e.running import ServerProcess

StartServer = Callable[[], ServerProcess]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A running server on a database file of its own; episodes are independent, so tests share it."""
    process = ServerProcess(tmp_path_factory.mktemp("server"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A running server that no other test has touched; it may be stopped, killed and started again."""
    process = ServerProcess(tmp_path)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def http(server: ServerProcess) -> Iterator[httpx.Client]:
    """A REST client with an empty cookie jar."""
    with open_client(server.url) as client:
        yield client


@pytest.fixture
def cookieless(server: ServerProcess) -> Iterator[httpx.Client]:
    """A second REST client, which never got a cookie."""
    with open_client(server.url) as client:
        yield client


@pytest.fixture
def ws(server: ServerProcess) -> Iterator[Socket]:
    """An open WebSocket on which nothing was said yet."""
    with open_socket(server.socket_url) as socket:
        yield socket
