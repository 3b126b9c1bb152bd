"""Each error of a ranked round is answered with a problem of its own, found by its class."""

from __future__ import annotations

import pytest

from server.episodes.errors import RoundClosedError, RoundError
from server.ranking.errors import (
    AttemptsUsedError,
    KeyNeededError,
    RankedResetError,
    RoundBusyError,
    RoundVersionError,
    UnknownRoundError,
)
from server.web.error_mapping import problem_of

EXPECTED = {
    UnknownRoundError("spring"): (404, "unknown_round"),
    RoundClosedError("spring"): (409, "round_closed"),
    RoundVersionError("spring"): (409, "round_version"),
    AttemptsUsedError(1, 2): (409, "attempts_used"),
    KeyNeededError(): (401, "key_required"),
    RankedResetError(): (422, "invalid"),
}


def test_every_error_of_a_round_is_expected_here() -> None:
    known = {kind for kind in RoundError.__subclasses__() if kind.__module__.startswith("server.")}
    assert {type(each) for each in EXPECTED} & known == known - {RoundBusyError}  # which only `rounds close` meets


@pytest.mark.parametrize(("error", "expected"), EXPECTED.items(), ids=lambda value: type(value).__name__)
def test_an_error_of_a_round_has_its_own_problem(error: RoundError, expected: tuple[int, str]) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.code) == expected
    assert ("round and entry only" in problem.detail) == isinstance(error, RankedResetError)


def test_an_error_of_a_round_without_a_problem_is_a_fault_of_the_server() -> None:
    class NewRoundError(RoundError):
        """Has no line in the table."""

    for error in (NewRoundError(), RoundError()):
        assert (problem_of(error).status, problem_of(error).code) == (500, "internal")
