"""The page of episodes in flight, and the feed of events it listens to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, AsyncIterator, Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from server.security.api_keys import KeyRefusedError, Keys
from server.security.identity import Identity, identity_of
from server.storage.errors import StoreError
from server.storage.positions import read_safe_position
from server.web.context import services_of
from server.web.pages.context import page, pages_of
from server.web.pages.episode.timeline import steps_allowed, title_of_stored
from server.web.pages.episode_names import number_name, parse_number
from server.web.pages.live.feed import Feed, frames
from server.web.pages.queries import read_counts, read_ended, read_recorded, read_running
from server.web.pages.rendering import SECURITY_HEADERS

MAX_SHOWN = 60
_NEWEST_ENDED = 12
_RETRY_MS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlight:
    """One running episode, by its number only."""

    number: str
    task_id: str
    agent: str | None
    kinds: tuple[str, ...]
    """Kinds of its steps, in order."""
    latest: str
    """What was done last."""
    max_steps: int

    @property
    def step_count(self) -> int:
        return len(self.kinds)


@page
async def show_live(request: Request) -> Response:
    reader = services_of(request).reader
    # Read first: what happens meanwhile is shown twice and told apart by its step, never missed.
    position = await read_safe_position(reader)
    running = await read_running(reader, MAX_SHOWN)
    recorded = await read_recorded(reader, [row.episode_id for row in running])
    return pages_of(request).renderer.page(
        "live.html",
        here="live",
        position=position,
        running=[_in_flight(row, recorded[row.episode_id]) for row in running if row.episode_id in recorded],
        counts=await read_counts(reader),
        ended=await read_ended(reader, _NEWEST_ENDED),
        most_shown=MAX_SHOWN,
    )


def _in_flight(row: Any, recorded: list[Any]) -> InFlight:
    last = recorded[-1]
    return InFlight(
        number=number_name(recorded[0].position),
        task_id=row.task_id,
        agent=row.agent,
        kinds=tuple(each.kind for each in recorded[1:]),
        max_steps=steps_allowed(row.task_id, recorded[0].payload),
        latest=title_of_stored(last.kind, last.schema_version, last.payload),
    )


async def send_feed(request: Request) -> Response:
    """Server-sent events. ``Last-Event-ID`` wins over ``after``: it is what the browser really got."""
    asked = request.headers.get("last-event-id") or request.query_params.get("after", "")
    after = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 18 else None
    number = parse_number(request.query_params.get("episode", ""))
    pages = pages_of(request)
    services, viewer = services_of(request), identity_of(request)

    async def is_over() -> bool:
        return pages.is_stopping() or await _is_revoked(services.keys, viewer)

    stream = _stream(pages.feed, after, number, is_over=is_over)
    headers = {**SECURITY_HEADERS, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _is_revoked(keys: Keys, viewer: Identity) -> bool:
    try:
        await keys.check(viewer)
    except KeyRefusedError:
        return True
    except StoreError:
        return False  # while the database does not answer there is nothing to tell either
    return False


async def _stream(
    feed: Feed, after: int | None, number: int | None, *, is_over: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bytes]:
    yield b"retry: %d\n\n" % _RETRY_MS
    following = feed.follow(after)
    waiting: asyncio.Future[Any] | None = None
    try:
        while not await is_over():
            waiting = waiting or asyncio.ensure_future(anext(following))
            # In short waits: a server that stops waits for its open answers, and a key may be revoked meanwhile.
            done, _ = await asyncio.wait([waiting], timeout=0.5)
            if done and not await is_over():
                told, waiting = waiting.result(), None
                yield frames(told, number)
    finally:
        if waiting is not None:
            waiting.cancel()
            await asyncio.wait([waiting])
        await following.aclose()
