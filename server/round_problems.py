"""The problems of ranked rounds."""

from __future__ import annotations

import logging
from types import MappingProxyType
from typing import Any, Callable, Mapping

from domain.suites import UnknownEntryError
from server.problem import Problem, key_required
from server.round_errors import (
    AttemptsUsedError,
    KeyNeededError,
    RankedResetError,
    RoundClosedError,
    RoundVersionError,
    UnknownRoundError,
)
from server.secret_files import SecretLostError

logger = logging.getLogger(__name__)


def _of_unknown_round(error: UnknownRoundError) -> Problem:
    text = f"GET /rounds lists the rounds; there is no {error.round_id or 'round yet'}."
    return Problem(404, "unknown_round", "There is no such round", text)


def _of_closed(error: RoundClosedError) -> Problem:
    text = f"Play in a round that is open; {error.round_id} is closed."
    return Problem(409, "round_closed", "The round is closed", text)


def _of_version(error: RoundVersionError) -> Problem:
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
        RoundVersionError: _of_version,
        AttemptsUsedError: _of_used,
        KeyNeededError: _of_needed_key,
        RankedResetError: _of_ranked_reset,
        UnknownEntryError: _of_unknown_entry,
        SecretLostError: _of_lost_secret,
    }
)
"""By class. ``RoundError`` itself is not in it: an error that has no line here is a fault of the server, never the
client's."""
