"""The response time does not reveal how long the generation took."""

from __future__ import annotations

import random
from typing import Any

import pytest

from bench.reset_timing import auc
from server.scenarios.answer_timing import FIRST_SECONDS, GROWTH, PERIOD, AnswerTiming
from server.settings import Settings
from tests.hand_made import HandMadeSimulation
from tests.served import serving

PLANTED = {0: (0.052, 0.055, 0.058), 1: (0.053, 0.060, 0.090), 2: (0.110, 0.127, 0.140)}
"""Seconds that runs with none, one and two faults took."""


class Time:
    """Goes on by what is waited for."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.answer_timing = AnswerTiming(now=lambda: self.now, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def answer(self, taken: float, task_id: str = "expert") -> float:
        """Seconds until the answer to a generation that took so long."""
        began = self.answer_timing.begin()
        self.now += taken
        await self.answer_timing.wait_for_quantum(task_id, began)
        return round(self.now - began, 9)


FIRST, SECOND = FIRST_SECONDS, round(FIRST_SECONDS * GROWTH, 9)


async def test_the_answer_takes_the_same_time_for_every_number_of_faults() -> None:
    time = Time()
    for taken in PLANTED[2]:
        await time.answer(taken)
    times = {count: {await time.answer(taken) for taken in seconds} for count, seconds in PLANTED.items()}
    assert times[0] == times[1] == times[2] == {SECOND}


async def test_work_that_is_late_is_answered_at_the_end_of_a_whole_quantum() -> None:
    time = Time()
    assert await time.answer(0.127) == 2 * FIRST
    assert await time.answer(0.91) == 10 * FIRST


async def test_a_quantum_grows_when_work_was_late_twice() -> None:
    time = Time()
    times = [await time.answer(taken) for taken in (0.127, 0.01, 0.127, 0.01)]
    assert times == [2 * FIRST, FIRST, 2 * FIRST, SECOND]


async def test_one_that_took_very_long_does_not_keep_all_others_waiting() -> None:
    time = Time()
    await time.answer(10.0)
    assert await time.answer(0.01) == FIRST


async def test_a_task_has_a_quantum_of_its_own() -> None:
    time = Time()
    for _ in range(2):
        await time.answer(0.127)
    assert await time.answer(0.01, "easy") == FIRST


async def test_a_quantum_shrinks_after_a_period_that_did_not_need_it_and_never_below_the_first() -> None:
    time = Time()
    for taken in (0.127, 0.127):
        await time.answer(taken)
    times = [await time.answer(0.05) for _ in range(3 * PERIOD)]
    assert times == [SECOND] * PERIOD + [FIRST] * 2 * PERIOD


async def test_a_quantum_that_is_needed_twice_in_a_period_stays() -> None:
    time = Time()
    for taken in (0.127, 0.127):
        await time.answer(taken)
    times = {await time.answer(0.127 if number % (PERIOD // 2) == 0 else 0.05) for number in range(5 * PERIOD)}
    assert times == {SECOND}


class WorkingSimulation(HandMadeSimulation):
    """Takes the time that a run with so many faults takes: the seed modulo 3."""

    def __init__(self, time: Time) -> None:
        super().__init__()
        self._time = time
        self._random = random.Random(7)

    async def generate(self, task_id: Any, seed: int, **named: Any) -> Any:
        self._time.now += self._random.choice(PLANTED[seed % 3]) * self._random.uniform(0.9, 1.1)
        return await super().generate(task_id, seed, **named)


@pytest.mark.parametrize("is_held", [True, False])
async def test_over_300_resets_the_time_does_not_tell_how_many_faults_there_are(
    settings: Settings, is_held: bool
) -> None:
    time = Time()
    times: dict[int, list[float]] = {0: [], 1: [], 2: []}
    async with serving(
        settings, simulation=WorkingSimulation(time), answer_timing=time.answer_timing if is_held else None
    ) as served:
        for seed in range(300):
            began = time.now
            await served.reset(task_id="expert", seed=seed)
            times[seed % 3].append(time.now - began)
    found = auc(times[2], times[0] + times[1])
    print(f"AUC of two faults against fewer, {'held' if is_held else 'not held'}: {found:.3f}")
    assert found <= 0.6 if is_held else found > 0.95
