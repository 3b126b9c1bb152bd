"""Every error a client can meet, as one problem object (RFC 9457), and the table that maps inner errors to it by class."""

from __future__ import annotations

import logging
from types import MappingProxyType
from typing import Any, Callable, Mapping

from pydantic import ValidationError

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
from server.scenarios.requester import ClientLeftError
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
from server.web.problem_details import MEDIA_TYPE, Problem, forbidden, key_required


def of_too_many_waiting(error: QueueFullError) -> Problem:
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


def of_left(_: ClientLeftError) -> Problem:
    return Problem(
        400, "client_left", "The client left", "Nothing was recorded: the connection was closed before it was its turn."
    )


logger = logging.getLogger(__name__)


def _of_unknown_round(error: UnknownRoundError) -> Problem:
    text = f"GET /rounds lists the rounds; there is no {error.round_id or 'round yet'}."
    return Problem(404, "unknown_round", "There is no such round", text)


def _of_closed(error: RoundClosedError) -> Problem:
    text = f"Play in a round that is open; {error.round_id} is closed."
    return Problem(409, "round_closed", "The round is closed", text)


def _of_round_version(error: RoundVersionError) -> Problem:
    text = f"The operator must run the version that {error.round_id} was opened with, or open another round."
    return Problem(409, "round_version", "The round belongs to another version", text)


def _of_used(error: AttemptsUsedError) -> Problem:
    text = f"Play another entry: all {error.allowed} attempts at entry {error.entry} are used."
    return Problem(409, "attempts_used", "All attempts are used", text)


def _of_needed_key(_: KeyNeededError) -> Problem:
    return key_required()


def _of_ranked_reset(_: RankedResetError) -> Problem:
    text = "Name round and entry only: the round decides task and seed."
    return Problem(422, "invalid", "The round decides that", text, {"errors": []})


def _of_unknown_entry(error: UnknownEntryError) -> Problem:
    text = f"Name an entry from 1 to {error.count}, not {error.entry}."
    return Problem(404, "unknown_entry", "The suite has no such entry", text)


def _of_lost_secret(error: SecretLostError) -> Problem:
    logger.error("%s", error)
    return Problem(
        500, "secret_lost", "The server cannot read a secret file", "The operator must put it back; the log says which."
    )


ROUND_PROBLEMS: Mapping[type[Exception], Callable[[Any], Problem]] = MappingProxyType(
    {
        UnknownRoundError: _of_unknown_round,
        RoundClosedError: _of_closed,
        RoundVersionError: _of_round_version,
        AttemptsUsedError: _of_used,
        KeyNeededError: _of_needed_key,
        RankedResetError: _of_ranked_reset,
        UnknownEntryError: _of_unknown_entry,
        SecretLostError: _of_lost_secret,
    }
)
"""By class. ``RoundError`` itself is not in it: an error that has no line here is a fault of the server, never the
client's."""


__all__ = ["MEDIA_TYPE", "Problem", "forbidden", "key_required"]

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 1


def episode_unnamed() -> Problem:
    return Problem(
        400,
        "episode_unnamed",
        "No episode is named",
        "Name the episode by path, body or query as episode_id, or keep the cookie that reset sets.",
    )


def episode_ambiguous(first: str, second: str) -> Problem:
    return Problem(
        400,
        "episode_ambiguous",
        "Two episodes are named",
        f"The request names {first} and {second}; name one.",
    )


def body_too_large(limit_bytes: int) -> Problem:
    return Problem(
        413, "body_too_large", "The request is too large", f"Send at most {limit_bytes} bytes in one request."
    )


def body_too_slow(limit_seconds: float) -> Problem:
    return Problem(
        408, "body_too_slow", "The request is too slow", f"Send the whole body within {limit_seconds:.0f} seconds."
    )


def origin_refused(origin: str) -> Problem:
    return Problem(
        403,
        "origin_refused",
        "Pages of other sites may not play here",
        f"The request comes from {origin}; an operator may name it in MLOPS_DEBUG_ALLOWED_ORIGINS.",
    )


def wrong_host(host: str) -> Problem:
    return Problem(
        421,
        "wrong_host",
        "This host is not served here",
        f"Use localhost or an address; an operator may name {host} in MLOPS_DEBUG_ALLOWED_HOSTS.",
    )


def not_ready(detail: str, extra: Mapping[str, Any]) -> Problem:
    return Problem(503, "not_ready", "The server is not ready", detail, extra)


def not_found(path: str) -> Problem:
    return Problem(404, "not_found", "There is no such resource", f"See /schema and /metadata; {path} is not served.")


def method_not_allowed(method: str) -> Problem:
    return Problem(405, "method_not_allowed", "The method is not allowed", f"Use another method than {method} here.")


def invalid(errors: list[dict[str, Any]]) -> Problem:
    first = errors[0]["msg"] if errors else "the request is not valid"
    return Problem(
        422,
        "invalid",
        "The request does not fit the schema",
        f"Mend what errors names ({first}); GET /schema has the schema.",
        {"errors": errors},
    )


def _of_validation(error: ValidationError) -> Problem:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if any(each["type"] == "json_invalid" for each in found):
        return Problem(400, "invalid_json", "The body is not JSON", "Send a JSON object in UTF-8.")
    return invalid([{"loc": list(each["loc"]), "msg": each["msg"], "type": each["type"]} for each in found])


def _of_wrong_submission(error: WrongSubmissionError) -> Problem:
    return invalid([{"loc": ["submit_diagnosis", "diagnoses"], "msg": str(error), "type": "wrong_submission"}])


def _of_unknown_episode(error: UnknownEpisodeError) -> Problem:
    return Problem(
        404,
        "unknown_episode",
        "There is no such episode",
        f"Begin {error.episode_id} with a reset, or name another episode.",
    )


def _of_unknown_task(error: UnknownTaskError) -> Problem:
    return Problem(404, "unknown_task", "There is no such task", f"Choose another index: {error}.")


def _of_taken(error: EpisodeTakenError) -> Problem:
    return Problem(
        409,
        "episode_exists",
        "The episode exists",
        f"{error.episode_id} was begun with other parameters, elsewhere, or has gone on; "
        "step it, resume it where it was begun with resume: true, or reset with another episode_id.",
    )


def _of_version(error: WrongExpectedVersionError) -> Problem:
    return Problem(
        409,
        "wrong_expected_version",
        "The episode is at another version",
        f"Look at what happened up to version {error.actual}, then send the step with that expected_version.",
        {"actual_version": error.actual},
    )


def _of_request_id(error: RequestIdReusedError) -> Problem:
    return Problem(
        409,
        "request_id_reused",
        "The request id has been used",
        f"Send each new step with a request_id of its own; {error.request_id} belongs to an earlier one.",
    )


def _of_reserved(error: ReservedNameError) -> Problem:
    return Problem(
        422,
        "invalid",
        "The name cannot be given",
        f"Choose another name than {error.name}: shorter, not one that begins with the prefix of somebody's API key, and not that of a ranked attempt.",
        {"errors": []},
    )


def _of_refused_key(_: Exception) -> Problem:
    return key_required()


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


def _of_unavailable(error: Exception) -> Problem:
    cause = next((cause for sign, cause in _CAUSES.items() if sign in str(error)), "it does not answer")
    if isinstance(error, UnansweredCommitError):
        said = "It is not known whether this was recorded, because the database broke off while it was written"
    else:
        said = f"Nothing was recorded, because of the database: {cause}"
    return Problem(
        503,
        "store_unavailable",
        "The database does not take the request",
        f"{said}. Send the same again after the time in Retry-After.",
    )


def _of_not_started(_: Exception) -> Problem:
    return Problem(
        409, "episode_not_started", "No episode was begun here", "No episode was begun here; send a reset first."
    )


def _of_too_many_steps(error: TooManyStepsError) -> Problem:
    return Problem(
        429,
        "too_many_steps",
        "Too many steps",
        f"Nothing was recorded; send at most {error.steps_per_second} steps a second, and this one again in a second.",
    )


def _of_too_many_sockets(error: TooManySocketsError) -> Problem:
    return Problem(
        503,
        "too_many_sockets",
        "Too many sockets are open",
        f"The server keeps at most {error.limit} sockets open; connect again later, or play over REST.",
    )


def _of_lost_scenario(error: ScenarioLostError) -> Problem:
    return Problem(
        500,
        "scenario_lost",
        "The scenario of the episode cannot be read",
        f"The operator should audit this episode: scenario {error.digest} {error.reason}.",
    )


_TABLE: dict[type[Exception], Callable[[Any], Problem]] = {
    ValidationError: _of_validation,
    UnknownEpisodeError: _of_unknown_episode,
    WrongSubmissionError: _of_wrong_submission,
    EpisodeTakenError: _of_taken,
    ReservedNameError: _of_reserved,
    KeyRefusedError: _of_refused_key,
    **ROUND_PROBLEMS,
    UnknownTaskError: _of_unknown_task,
    WrongExpectedVersionError: _of_version,
    RequestIdReusedError: _of_request_id,
    StoreUnavailableError: _of_unavailable,
    WriterStoppedError: _of_unavailable,
    ScenarioLostError: _of_lost_scenario,
    EpisodeNotStartedError: _of_not_started,
    TooManyStepsError: _of_too_many_steps,
    TooManySocketsError: _of_too_many_sockets,
    QueueFullError: of_too_many_waiting,
    WorkerLostError: of_lost_worker,
    ClientLeftError: of_left,
}

EXPECTED_ERRORS: tuple[type[Exception], ...] = (Problem, *_TABLE)


def problem_of(error: Exception) -> Problem:
    """The problem that an error is answered with; an error that nobody expected is logged."""
    if isinstance(error, Problem):
        return error
    for ancestor in type(error).__mro__:
        if ancestor in _TABLE:
            return _TABLE[ancestor](error)
    logger.error("unexpected error", exc_info=error)
    return Problem(
        500, "internal", "The server failed", "Nothing more is known to the client; the server's log says why."
    )
