"""Handlers of the live page and of its stream of server-sent events."""

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
from server.web.pages.context import page_context, with_error_page
from server.web.pages.episode.timeline import max_steps_of, stored_event_title
from server.web.pages.episode_names import parse_public_name, public_name
from server.web.pages.live.feed import Feed, join_frames
from server.web.pages.queries import read_counts, read_ended, read_running, read_streams
from server.web.pages.rendering import SECURITY_HEADERS

MAX_SHOWN = 60
_NEWEST_ENDED = 12
_RETRY_MS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningEpisode:
    """One running episode, identified by its number only."""

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


@with_error_page
async def live_page(request: Request) -> Response:
    reader = services_of(request).reader
    # Read first: later events are sent again and recognised by their step, never missed.
    position = await read_safe_position(reader)
    running = await read_running(reader, MAX_SHOWN)
    streams = await read_streams(reader, [row.episode_id for row in running])
    return page_context(request).renderer.page(
        "live.html",
        section="live",
        position=position,
        running=[_to_running_episode(row, streams[row.episode_id]) for row in running if row.episode_id in streams],
        counts=await read_counts(reader, page_context(request).totals),
        ended=await read_ended(reader, _NEWEST_ENDED),
        most_shown=MAX_SHOWN,
    )


def _to_running_episode(row: Any, stream: list[Any]) -> RunningEpisode:
    last = stream[-1]
    return RunningEpisode(
        number=public_name(stream[0].position),
        task_id=row.task_id,
        agent=row.agent,
        kinds=tuple(each.kind for each in stream[1:]),
        max_steps=max_steps_of(row.task_id, stream[0].payload),
        latest=stored_event_title(last.kind, last.schema_version, last.payload),
    )


async def live_feed(request: Request) -> Response:
    """Stream server-sent events. ``Last-Event-ID`` takes precedence over ``after``: it is what the browser received last."""
    position = request.headers.get("last-event-id") or request.query_params.get("after", "")
    after = int(position) if position.isascii() and position.isdigit() and len(position) <= 18 else None
    number = parse_public_name(request.query_params.get("episode", ""))
    pages = page_context(request)
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
        return False  # while the database does not answer, the stream sends nothing either
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
            # In short waits: a shutdown waits for open responses, and a key may be revoked meanwhile.
            done, _ = await asyncio.wait([waiting], timeout=0.5)
            if done and not await is_over():
                entries, waiting = waiting.result(), None
                yield join_frames(entries, number)
    finally:
        if waiting is not None:
            waiting.cancel()
            await asyncio.wait([waiting])
        await following.aclose()
