"""The problems of waiting for a scenario or a verdict."""

from __future__ import annotations

from server.asking import AskerLeftError
from server.problem import Problem
from server.turns import TooManyWaitingError
from server.workers import WorkerLostError


def of_too_many_waiting(error: TooManyWaitingError) -> Problem:
    return Problem(
        503,
        "too_many_waiting",
        "Too much is waiting to be generated",
        f"Nothing was recorded; {error.limit} scenarios and patches wait already. "
        "Send the same again after the time in Retry-After.",
    )


def of_lost_worker(_: WorkerLostError) -> Problem:
    return Problem(
        503,
        "generator_unavailable",
        "The generator did not answer",
        "Nothing was recorded, because the process that generates or verifies was lost. "
        "Send the same again after the time in Retry-After.",
    )


def of_left(_: AskerLeftError) -> Problem:
    return Problem(
        400, "client_left", "The client left", "Nothing was recorded: the connection was closed before it was its turn."
    )
