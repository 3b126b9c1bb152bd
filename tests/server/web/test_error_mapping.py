"""An error is answered with the problem of its class or of the nearest ancestor; without one it is a logged 500."""

from __future__ import annotations

import logging

import pytest

from server.episodes.errors import EpisodeTakenError, RoundClosedError, RoundError
from server.ranking.errors import (
    AttemptsUsedError,
    KeyNeededError,
    RankedResetError,
    RoundBusyError,
    RoundVersionError,
    UnknownRoundError,
)
from server.storage.errors import ConnectionLostError, UnansweredCommitError
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
    assert {type(each) for each in EXPECTED} == known - {RoundBusyError}  # which only `rounds close` meets


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


def test_an_error_without_a_problem_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert problem_of(RuntimeError("secret")).detail.startswith("Nothing more is known")
    (record,) = caplog.records
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "secret"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(ConnectionLostError("x"), "Nothing was recorded"), (UnansweredCommitError("x"), "It is not known whether")],
)
def test_an_error_without_an_entry_has_the_problem_of_its_ancestor(error: Exception, outcome: str) -> None:
    problem = problem_of(error)
    assert problem.code == "store_unavailable"
    assert problem.detail.startswith(outcome)


def test_braces_in_a_name_are_not_placeholders() -> None:
    assert problem_of(EpisodeTakenError("{0}{code}")).detail.startswith("{0}{code} was begun")
