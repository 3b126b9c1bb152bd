from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from mlops_debug_env.protocol.errors import CapacityError, ConflictError, ServerUnreachableError, problem_error
from mlops_debug_env.transport.retry import MAX_RETRY_AFTER_SECONDS, Retrying, read_retry_after

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LOST = ServerUnreachableError("http://h", "gone")


def busy(retry_after_seconds: float | None = None) -> CapacityError:
    error = problem_error({"status": 429, "code": "too_many_steps"}, retry_after_seconds=retry_after_seconds)
    assert isinstance(error, CapacityError)
    return error


class Waiting:
    """Waits for no time, and writes down for how long it was asked to."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def pause(self, seconds: float) -> None:
        self.seconds.append(seconds)


def failing(*errors: Exception) -> tuple[Callable[[], Awaitable[str]], list[Exception]]:
    left = list(errors)

    async def attempt() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return attempt, left


async def test_a_lost_connection_is_tried_again_with_growing_pauses() -> None:
    waiting = Waiting()
    attempt, _ = failing(LOST, LOST, LOST)
    assert await Retrying(max_retries=3, jitter=lambda: 0.0, pause=waiting.pause).run(attempt) == "done"
    assert waiting.seconds == [0.125, 0.25, 0.5]


async def test_the_last_error_is_raised_when_the_tries_are_used_up() -> None:
    attempt, left = failing(LOST, LOST, busy(), LOST)
    with pytest.raises(CapacityError):
        await Retrying(max_retries=2, pause=Waiting().pause).run(attempt)
    assert len(left) == 1


async def test_no_retry_is_no_retry() -> None:
    attempt, _ = failing(LOST)
    waiting = Waiting()
    with pytest.raises(ServerUnreachableError):
        await Retrying(max_retries=0, pause=waiting.pause).run(attempt)
    assert waiting.seconds == []


async def test_the_server_is_never_asked_before_the_time_it_named() -> None:
    waiting = Waiting()
    attempt, _ = failing(busy(7.0))
    await Retrying(pause=waiting.pause).run(attempt)
    assert 7.0 <= waiting.seconds[0] < 8.0


async def test_a_server_that_asks_for_too_long_is_not_waited_for() -> None:
    waiting = Waiting()
    attempt, _ = failing(busy(MAX_RETRY_AFTER_SECONDS + 1))
    with pytest.raises(CapacityError):
        await Retrying(pause=waiting.pause).run(attempt)
    assert waiting.seconds == []


async def test_what_was_refused_for_good_is_not_tried_again() -> None:
    attempt, _ = failing(problem_error({"status": 409, "code": "episode_exists"}))
    waiting = Waiting()
    with pytest.raises(ConflictError):
        await Retrying(pause=waiting.pause).run(attempt)
    assert waiting.seconds == []


def test_pauses_are_bounded_and_spread() -> None:
    delays = [
        [Retrying(jitter=lambda: share).delay_seconds(retry) for share in (0.0, 0.5, 0.999)] for retry in range(64)
    ]
    assert all(low < middle < high <= 15.0 for low, middle, high in delays)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        (" 0 ", 0.0),
        ("Thu, 01 Jan 2026 00:00:10 GMT", 10.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        ("soon", None),
        ("-1", None),
        ("²", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(text: str | None, seconds: float | None) -> None:
    assert read_retry_after(text, now=NOW) == seconds


class Outage:
    """A clock that only pauses move, and a server that cannot be reached until a time."""

    def __init__(self, *, until: float) -> None:
        self.now = 0.0
        self._until = until

    async def pause(self, seconds: float) -> None:
        self.now += seconds

    async def attempt(self) -> str:
        if self.now < self._until:
            raise LOST
        return "done"

    def retrying(self, max_outage_seconds: float) -> Retrying:
        return Retrying(
            max_outage_seconds=max_outage_seconds, jitter=lambda: 0.0, pause=self.pause, monotonic=lambda: self.now
        )


async def test_a_server_that_is_back_within_the_longest_outage_is_reached() -> None:
    outage = Outage(until=59.0)
    assert await outage.retrying(60.0).run(outage.attempt) == "done"


async def test_an_outage_that_lasts_longer_ends_with_the_error_and_not_before() -> None:
    outage = Outage(until=1000.0)
    with pytest.raises(ServerUnreachableError):
        await outage.retrying(60.0).run(outage.attempt)
    assert 60.0 <= outage.now < 75.0


async def test_a_busy_server_is_not_given_the_time_of_an_outage() -> None:
    outage = Outage(until=0.0)
    attempt, left = failing(*[busy()] * 10)
    with pytest.raises(CapacityError):
        await outage.retrying(60.0).run(attempt)
    assert len(left) == 4


async def test_a_server_that_is_busy_after_an_outage_still_gets_its_retries() -> None:
    outage = Outage(until=0.0)
    attempt, _ = failing(*[LOST] * 7, *[busy()] * 5)
    assert await outage.retrying(60.0).run(attempt) == "done"
