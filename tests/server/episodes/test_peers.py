"""Servers on one PostgreSQL hear each other; a database that does not answer or says nonsense does not end that."""

from __future__ import annotations

import asyncio
import json

import pytest

from server.episodes.peers import CHANNEL, PeerChannel, PeerMessage, decode_message
from server.settings import Settings
from server.storage.engines import create_read_engine, parse_url
from server.supervision import Supervisor
from tests.databases import connect
from tests.served import serving

NONSENSE = [
    "",
    "{",
    "1",
    "[]",
    '["seat", "s"]',
    '["seat", "s", 1]',
    '["seat", ["s"], "t"]',
    '["other", "s", "t"]',
    "{}",
]


@pytest.mark.parametrize("payload", NONSENSE)
def test_a_payload_that_is_no_news_is_refused(payload: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the parser's own, or ours
        decode_message(payload)


@pytest.mark.parametrize("backend", ["postgres"])
async def test_nonsense_on_the_channel_does_not_end_the_listening(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    heard: asyncio.Queue[PeerMessage] = asyncio.Queue()
    unexpected: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unexpected.append(context))
    reader = create_read_engine(parse_url(database_url))
    message = PeerMessage("seat", "session", "token")
    async with asyncio.timeout(10), PeerChannel(reader).subscribed(heard.put_nowait, Supervisor()):
        other = await connect(database_url)
        for payload in (*NONSENSE, json.dumps(message)):
            await other.execute("SELECT pg_notify($1, $2)", CHANNEL, payload)
        assert await heard.get() == message
        await other.close()
    await reader.dispose()
    assert unexpected == []
    assert len([each for each in caplog.messages if "was not understood" in each]) == len(NONSENSE)


@pytest.mark.parametrize("backend", ["postgres"])
async def test_a_database_that_stops_answering_during_the_start_does_not_hang_the_server(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.episodes.peers.START_SECONDS", 0.05)
    monkeypatch.setattr("server.episodes.peers.DISCONNECTED_SECONDS", 0.0)
    monkeypatch.setattr("server.episodes.peers.AGAIN_SECONDS", 0.01)
    listen = PeerChannel._listen_until_lost
    may_listen = asyncio.Event()

    async def silent(*arguments: object) -> None:
        await may_listen.wait()
        await listen(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(PeerChannel, "_listen_until_lost", silent)
    async with asyncio.timeout(20), serving(settings) as served:
        unready = await served.client.get("/ready")
        assert (unready.status_code, unready.json()["code"]) == (503, "not_ready")
        assert "receive notices of the other servers" in unready.json()["detail"]
        may_listen.set()
        while (await served.client.get("/ready")).status_code != 200:  # noqa: ASYNC110 - asked over the wire
            await asyncio.sleep(0.001)
