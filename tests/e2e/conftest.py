"""Clients of the shared server, with an empty cookie jar each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.e2e.playing import Socket, open_client, open_socket
from tests.e2e.running import ServerProcess

StartServer = Callable[[], ServerProcess]


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
