"""An endpoint for the blocks that ask a language model: its model submits at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.client.scripted_model import calls, serving_model


@contextmanager
def a_model() -> Iterator[str]:
    """Its address."""
    started, ended = threading.Event(), threading.Event()
    urls: list[str] = []

    async def serve() -> None:
        async with serving_model([calls(("submit_diagnosis", {"failure_category": "config_error"}))]) as model:
            urls.append(model.url)
            started.set()
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        if not started.wait(30):
            raise RuntimeError("the model does not serve")
        yield urls[0]
    finally:
        ended.set()
        thread.join(30)
