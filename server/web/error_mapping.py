"""Maps the errors of the domain, the services and the store to problems, by class, and answers with them.

An error whose class, or an ancestor of it, has no entry is a failure of the server: a logged 500.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Callable, Mapping

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from domain.episode.decide import WrongSubmissionError
from domain.tasks.splits import UnknownTaskError
from domain.tasks.suites import UnknownEntryError
from server.episodes.errors import EpisodeNotStartedError, EpisodeTakenError, RoundClosedError, UnknownEpisodeError
from server.episodes.limits import TooManySocketsError, TooManyStepsError
from server.ranking.errors import (
    AttemptsUsedError,
    KeyNeededError,
    RankedResetError,
    RoundVersionError,
    UnknownRoundError,
)
from server.scenarios.fair_queue import QueueFullError
from server.scenarios.repository import ScenarioLostError
from server.scenarios.requester import ClientDisconnectedError
from server.scenarios.workers import WorkerLostError
from server.security.api_keys import KeyRefusedError
from server.security.identity import ReservedNameError
from server.security.secret_files import SecretLostError
from server.storage.errors import (
    RequestIdReusedError,
    StoreUnavailableError,
    UnansweredCommitError,
    WrongExpectedVersionError,
)
from server.storage.writers.protocol import WriterStoppedError
from server.web import problem_details as problems
from server.web.problem_details import Problem, ProblemType

logger = logging.getLogger(__name__)

_RANKED_RESET = replace(
    problems.INVALID,
    title="The round decides that",
    detail="Name round and entry only: the round decides task and seed.",
)
_RESERVED_NAME = replace(
    problems.INVALID,
    title="The name cannot be given",
    detail="Choose another name than {name}: shorter, not one that begins with the prefix of somebody's API key, "
    "and not that of a ranked attempt.",
)
_CAUSES = {
    "deleted, moved or replaced": "its file was deleted, moved or replaced, and the operator must start the server again",
    "full": "its disk is full",
    "readonly": "it can only be read",
    "read-only": "it can only be read",
    "locked": "another program holds its lock",
    "lock timeout": "another program holds its lock",
    "No space left": "its disk is full",
    "disk I/O": "its disk fails",
}
"""By what the database's own message has in it."""


def _of_validation(error: ValidationError) -> Problem:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if any(each["type"] == "json_invalid" for each in found):
        return problems.INVALID_JSON.problem()
    return problems.invalid([{"loc": list(each["loc"]), "msg": each["msg"], "type": each["type"]} for each in found])


def _of_wrong_submission(error: WrongSubmissionError) -> Problem:
    return problems.invalid([{"loc": ["submit_diagnosis", "diagnoses"], "msg": str(error), "type": "wrong_submission"}])


def _of_ranked_reset(_: RankedResetError) -> Problem:
    return _RANKED_RESET.problem({"errors": []})


def _of_reserved_name(error: ReservedNameError) -> Problem:
    return _RESERVED_NAME.problem({"errors": []}, name=error.name)


def _of_unknown_task(error: UnknownTaskError) -> Problem:
    return problems.UNKNOWN_TASK.problem(reason=error)


def _of_unknown_round(error: UnknownRoundError) -> Problem:
    return problems.UNKNOWN_ROUND.problem(round_id=error.round_id or "round yet")


def _of_version(error: WrongExpectedVersionError) -> Problem:
    return problems.WRONG_EXPECTED_VERSION.problem({"actual_version": error.actual}, actual=error.actual)


def _of_lost_secret(error: SecretLostError) -> Problem:
    logger.error("%s", error)
    return problems.SECRET_LOST.problem()


def _of_unavailable(error: Exception) -> Problem:
    if isinstance(error, UnansweredCommitError):
        outcome = "It is not known whether this was recorded, because the database broke off while it was written"
    else:
        cause = next((cause for sign, cause in _CAUSES.items() if sign in str(error)), "it does not answer")
        outcome = f"Nothing was recorded, because of the database: {cause}"
    return problems.STORE_UNAVAILABLE.problem(outcome=outcome)


_BY_ERROR: Mapping[type[Exception], ProblemType | Callable[[Any], Problem]] = MappingProxyType(
    {
        ValidationError: _of_validation,
        WrongSubmissionError: _of_wrong_submission,
        RankedResetError: _of_ranked_reset,
        ReservedNameError: _of_reserved_name,
        UnknownEpisodeError: problems.UNKNOWN_EPISODE,
        UnknownTaskError: _of_unknown_task,
        UnknownRoundError: _of_unknown_round,
        UnknownEntryError: problems.UNKNOWN_ENTRY,
        EpisodeTakenError: problems.EPISODE_EXISTS,
        EpisodeNotStartedError: problems.EPISODE_NOT_STARTED,
        RoundClosedError: problems.ROUND_CLOSED,
        RoundVersionError: problems.ROUND_VERSION,
        AttemptsUsedError: problems.ATTEMPTS_USED,
        WrongExpectedVersionError: _of_version,
        RequestIdReusedError: problems.REQUEST_ID_REUSED,
        KeyRefusedError: problems.KEY_REQUIRED,
        KeyNeededError: problems.KEY_REQUIRED,
        TooManyStepsError: problems.TOO_MANY_STEPS,
        TooManySocketsError: problems.TOO_MANY_SOCKETS,
        QueueFullError: problems.TOO_MANY_WAITING,
        WorkerLostError: problems.GENERATOR_UNAVAILABLE,
        ClientDisconnectedError: problems.CLIENT_LEFT,
        StoreUnavailableError: _of_unavailable,
        WriterStoppedError: _of_unavailable,
        ScenarioLostError: problems.SCENARIO_LOST,
        SecretLostError: _of_lost_secret,
    }
)
"""The attributes of the error fill the detail of its type; a function does what attributes alone cannot. ``RoundError`` has
no entry: an error of rounds without one of its own is the server's failure, never the client's."""

EXPECTED_ERRORS: tuple[type[Exception], ...] = (Problem, *_BY_ERROR)


def problem_of(error: Exception) -> Problem:
    """The problem that an error is answered with; an unexpected error is logged."""
    if isinstance(error, Problem):
        return error
    for ancestor in type(error).__mro__:
        entry = _BY_ERROR.get(ancestor)
        if entry is not None:
            return entry.problem(**vars(error)) if isinstance(entry, ProblemType) else entry(error)
    logger.error("unexpected error", exc_info=error)
    return problems.INTERNAL.problem()


async def answer_left_client(request: Request, error: Exception) -> Response:
    """Answer a client that left before its request was complete: nothing was done, and the server did not fail."""
    return Response(status_code=400)


async def answer_problem(request: Request, error: Exception) -> Response:
    """Exception handler of the application: renders any error as problem details."""
    if isinstance(error, HTTPException):
        is_method = error.status_code == 405
        problem = (
            problems.METHOD_NOT_ALLOWED.problem(method=request.method)
            if is_method
            else problems.NOT_FOUND.problem(path=request.url.path)
        )
        headers = dict(error.headers or {})  # Allow, with 405
    else:
        problem = problem_of(error)
        headers = problem.headers
    return Response(problem.body(), status_code=problem.status, media_type=problems.MEDIA_TYPE, headers=headers)
