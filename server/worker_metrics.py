"""The metrics of all processes of one server in one scrape: each sample with the label ``worker``.

A scrape reaches one process. That asks the others at their local sockets; one that does not answer in time is left out.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from typing import AsyncIterator, Awaitable, Callable, Mapping, Protocol

from server.worker_slot import WorkerSlot

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 3.0
WRITER_LABEL = "writer"

Measure = Callable[[], Awaitable[bytes]]


class Measured(Protocol):
    """The process that writes for the others."""

    async def measurements(self) -> bytes: ...


@asynccontextmanager
async def answering_with_measurements(slot: WorkerSlot | None, measure: Measure) -> AsyncIterator[None]:
    """Inside, the other processes of this server get the measurements of this one. None: there are no others."""
    if slot is None:
        yield
        return

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            writer.write(await measure())
            await writer.drain()
        writer.close()

    # Replaces the socket of a process in this slot that died.
    server = await asyncio.start_unix_server(answer, slot.metrics_address(slot.number))
    try:
        yield
    finally:
        server.close()


async def gather_measurements(slot: WorkerSlot, own: bytes, writer: Measured | None) -> dict[str, bytes]:
    """Worker to its measurements; without those that do not answer in time."""
    asked: dict[str, Awaitable[bytes]] = {
        str(number): _ask(slot.metrics_address(number)) for number in range(slot.count) if number != slot.number
    }
    if writer is not None:
        asked[WRITER_LABEL] = writer.measurements()
    answers = await asyncio.gather(*(_in_time(name, each) for name, each in asked.items()))
    return {str(slot.number): own} | {name: body for name, body in zip(asked, answers, strict=True) if body}


async def _ask(address: str) -> bytes:
    reader, writer = await asyncio.open_unix_connection(address)
    try:
        return await reader.read()
    finally:
        writer.close()


async def _in_time(name: str, asked: Awaitable[bytes]) -> bytes:
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await asked
    except (OSError, TimeoutError) as error:
        logger.warning("worker %s does not tell its measurements: %s", name, error or "it takes too long")
        return b""


def merge_measurements(texts: Mapping[str, bytes]) -> bytes:
    """One text of several: each family once, and each sample labelled with its worker."""
    families: dict[str, tuple[list[str], list[str]]] = {}
    """Name of a family to the lines of its head and its samples."""
    for worker, text in texts.items():
        name, is_new = "", False
        for line in text.decode().splitlines():
            if line.startswith("# HELP "):
                name = line.split(" ", 3)[2]
                is_new = name not in families
            heads, samples = families.setdefault(name, ([], []))
            if not line.startswith("#"):
                samples.append(_labelled(line, worker))
            elif is_new:
                heads.append(line)
    lines = [line for heads, samples in families.values() for line in (*heads, *samples)]
    return "".join(f"{line}\n" for line in lines).encode()


def _labelled(sample: str, worker: str) -> str:
    name, space, rest = sample.partition(" ")
    bare, brace, labels = name.partition("{")
    if brace:
        return f'{bare}{{worker="{worker}",{labels}{space}{rest}'
    return f'{name}{{worker="{worker}"}} {rest}'
