"""The problems of ranked rounds."""

from __future__ import annotations

import logging

from domain.suites import UnknownEntryError
from server.problem import Problem, key_required
from server.round_errors import (
    AttemptsUsedError,
    KeyNeededError,
    RoundClosedError,
    RoundError,
    RoundVersionError,
    UnknownRoundError,
)
from server.secret_files import SecretLostError

logger = logging.getLogger(__name__)


def of_round(error: RoundError) -> Problem:
    match error:
        case UnknownRoundError():
            text = f"GET /rounds lists the rounds; there is no {error.round_id or 'round yet'}."
            return Problem(404, "unknown_round", "There is no such round", text)
        case RoundClosedError():
            text = f"Play in a round that is open; {error.round_id} is closed."
            return Problem(409, "round_closed", "The round is closed", text)
        case RoundVersionError():
            text = f"The operator must run the version that {error.round_id} was opened with, or open another round."
            return Problem(409, "round_version", "The round belongs to another version", text)
        case AttemptsUsedError():
            text = f"Play another entry: all {error.allowed} attempts at entry {error.entry} are used."
            return Problem(409, "attempts_used", "All attempts are used", text)
        case KeyNeededError():
            return key_required()
        case _:
            text = "Name round and entry only: the round decides task and seed."
            return Problem(422, "invalid", "The round decides that", text, {"errors": []})


def of_unknown_entry(error: UnknownEntryError) -> Problem:
    text = f"Name an entry from 1 to {error.count}, not {error.entry}."
    return Problem(404, "unknown_entry", "The suite has no such entry", text)


def of_lost_secret(error: SecretLostError) -> Problem:
    logger.error("%s", error)
    return Problem(
        500, "secret_lost", "The server cannot read a secret file", "The operator must put it back; the log says which."
    )
