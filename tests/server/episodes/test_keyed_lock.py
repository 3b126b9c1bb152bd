"""A lock for each name, and none left behind."""

from __future__ import annotations

import asyncio

import pytest

from server.episodes.keyed_lock import KeyedLock


async def test_one_name_is_held_by_one_in_the_order_of_asking() -> None:
    locks, order = KeyedLock(), []

    async def hold(number: int) -> None:
        async with locks.hold("a"):
            order.append(("in", number))
            await asyncio.sleep(0)
            order.append(("out", number))

    await asyncio.gather(*(hold(n) for n in range(5)))
    assert order == [(way, n) for n in range(5) for way in ("in", "out")]
    assert len(locks) == 0


async def test_other_names_do_not_wait() -> None:
    locks = KeyedLock()
    async with locks.hold("a"), locks.hold("b"):
        assert len(locks) == 2
    assert len(locks) == 0


async def test_nothing_is_left_after_an_error_or_a_cancelled_wait() -> None:
    locks = KeyedLock()
    with pytest.raises(ZeroDivisionError):
        async with locks.hold("a"):
            raise ZeroDivisionError

    async def wait() -> None:
        async with locks.hold("a"):
            raise AssertionError("must not be reached")

    async with locks.hold("a"):
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert len(locks) == 0
