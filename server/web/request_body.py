"""Reads the body of a request no further than the limit."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from server.web.context import services_of
from server.web.problem_details import BODY_TOO_LARGE, BODY_TOO_SLOW

BODY_SECONDS = 30.0
"""For the whole body, which is short; one that never ends would hold its connection for ever."""


async def read_body(request: Request) -> bytes:
    """The body; raises ``Problem`` where it is longer than the limit, as soon as that is known."""
    limit = services_of(request).settings.body_limit_bytes
    parts: list[bytes] = []
    length = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                length += len(part)
                if length > limit:
                    raise BODY_TOO_LARGE.problem(limit_bytes=limit)
                parts.append(part)
    except TimeoutError:
        raise BODY_TOO_SLOW.problem(timeout_seconds=BODY_SECONDS) from None
    return b"".join(parts)
