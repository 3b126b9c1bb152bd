"""A TCP relay between client and server that can be made to fail in ways a loopback never does by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Relay:
    """Passes bytes on, both ways."""

    def __init__(self, server_port: int) -> None:
        self.server_port = server_port
        self._clients: list[asyncio.StreamWriter] = []
        self._servers: list[asyncio.StreamWriter] = []
        self._pumps: set[asyncio.Task[None]] = set()
        self.swallows_answers = False
        """Whether what the server says from now on is lost."""
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def drop(self) -> None:
        """End all connections, at both ends."""
        for each in (*self._clients, *self._servers):
            each.transport.abort()

    def drop_clients(self) -> None:
        """End all connections at the client's end only: for the server they are half open."""
        for task in self._pumps:
            task.cancel()
        for each in self._clients:
            each.transport.abort()

    async def stop(self) -> None:
        self.drop()
        for task in self._pumps:
            task.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.server_port)
        self._clients.append(writer)
        self._servers.append(server_writer)
        for pump in (self._pump(reader, server_writer, False), self._pump(server_reader, writer, True)):
            self._pumps.add(asyncio.create_task(pump))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, are_answers: bool) -> None:
        with suppress(ConnectionError):
            while part := await reader.read(65536):
                if not (are_answers and self.swallows_answers):
                    writer.write(part)
        writer.close()


@asynccontextmanager
async def relaying(server_port: int) -> AsyncIterator[Relay]:
    relay = Relay(server_port)
    listener = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    relay.port = listener.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        listener.close()
        await relay.stop()
