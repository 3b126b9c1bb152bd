"""Reads the body of a request, up to a limit of bytes and of time."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from server.web.context import services_of
from server.web.problem_details import BODY_TOO_LARGE, BODY_TOO_SLOW

BODY_TIMEOUT_SECONDS = 30.0
"""For the whole body, so that one that never ends does not keep its connection open."""


async def read_body(request: Request) -> bytes:
    """The body; raises ``Problem`` as soon as it is known to be too long, or to take too long."""
    limit = services_of(request).settings.body_limit_bytes
    parts: list[bytes] = []
    length = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
            async for part in request.stream():
                length += len(part)
                if length > limit:
                    raise BODY_TOO_LARGE.problem(limit_bytes=limit)
                parts.append(part)
    except TimeoutError:
        raise BODY_TOO_SLOW.problem(timeout_seconds=BODY_TIMEOUT_SECONDS) from None
    return b"".join(parts)
