"""Problem details (RFC 9457): the table of problem types, and the problem that an error is answered with.

Rule 1: a problem of the API is made from a type of this table, so that the OpenAPI document has every code.
Rule 2: the detail is an instruction to the client. Its placeholders are filled where the problem is raised, and by the example in the document.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Mapping

from domain.json import encode_json

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1
RETRY_STATUSES = (429, 503)
"""Answered with Retry-After."""
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Problem(Exception):
    """An error that is answered as problem details."""

    def __init__(self, status: int, code: str, title: str, detail: str, extra: Mapping[str, Any] = _NOTHING) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        """One sentence that says what to do."""
        self.extra = extra
        """Further members of the problem object."""

    @property
    def headers(self) -> dict[str, str]:
        """Headers that the status requires."""
        return {"Retry-After": str(RETRY_AFTER_SECONDS)} if self.status in RETRY_STATUSES else {}

    def members(self) -> dict[str, Any]:
        return {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            **self.extra,
        }

    def body(self) -> bytes:
        return encode_json(self.members())


@dataclass(frozen=True, slots=True)
class ProblemType:
    """What the problems of one code have in common."""

    code: str
    status: int
    title: str
    detail: str
    """What to do: a template of ``str.format``."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Fill the detail of the example."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further members of the example."""

    def problem(self, extra: Mapping[str, Any] = _NOTHING, /, **values: Any) -> Problem:
        """The problem, with these values in its detail."""
        return Problem(self.status, self.code, self.title, self.detail.format(**values), extra)

    def example(self) -> dict[str, Any]:
        """The members of a problem, as the OpenAPI document shows them."""
        return self.problem(self.extra, **self.values).members()


INVALID_JSON = ProblemType("invalid_json", 400, "The body is not JSON", "Send a JSON object in UTF-8.")
EPISODE_UNNAMED = ProblemType(
    "episode_unnamed",
    400,
    "No episode is named",
    "Name the episode by path, body or query as episode_id, or keep the cookie that reset sets.",
)
EPISODE_AMBIGUOUS = ProblemType(
    "episode_ambiguous",
    400,
    "Two episodes are named",
    "The request names {first} and {second}; name one.",
    {"first": "demo-1", "second": "demo-2"},
)
CLIENT_LEFT = ProblemType(
    "client_left",
    400,
    "The client left",
    "Nothing was recorded: the connection was closed before it was its turn.",
)
KEY_REQUIRED = ProblemType(
    "key_required",
    401,
    "A good API key is needed",
    "Send the key that the operator gave you as Authorization: Bearer KEY, or in the address as http://agent:KEY@host.",
)
FORBIDDEN = ProblemType(
    "forbidden", 403, "The key is not for this", "Use a key with the scope {needed}.", {"needed": "agent"}
)
ORIGIN_REFUSED = ProblemType(
    "origin_refused",
    403,
    "Pages of other sites may not play here",
    "The request comes from {origin}; an operator may name it in MLOPS_DEBUG_ALLOWED_ORIGINS.",
    {"origin": "https://example.org"},
)
NOT_FOUND = ProblemType(
    "not_found",
    404,
    "There is no such resource",
    "See /schema and /metadata; {path} is not served.",
    {"path": "/nowhere"},
)
UNKNOWN_EPISODE = ProblemType(
    "unknown_episode",
    404,
    "There is no such episode",
    "Begin {episode_id} with a reset, or name another episode.",
    {"episode_id": "demo-1"},
)
UNKNOWN_TASK = ProblemType(
    "unknown_task",
    400,
    "There is no such task",
    "Choose another index: {reason}.",
    {"reason": "test has no task 3000; it has 3000"},
)
UNKNOWN_ROUND = ProblemType(
    "unknown_round",
    404,
    "There is no such round",
    "GET /rounds lists the rounds; there is no {round_id}.",
    {"round_id": "spring"},
)
UNKNOWN_ENTRY = ProblemType(
    "unknown_entry",
    404,
    "The suite has no such entry",
    "Name an entry from 1 to {count}, not {entry}.",
    {"count": 45, "entry": 46},
)
UNKNOWN_AGENT = ProblemType(
    "unknown_agent",
    404,
    "There is no such agent",
    "GET /episodes.json lists episodes with their agents; none is of {agent}.",
    {"agent": "my-agent"},
)
UNKNOWN_RUN = ProblemType(
    "unknown_run",
    404,
    "There is no such run",
    "Name a run as the ids of its episodes do, which end in the numbers of entry and trial; no episode of {run} has ended.",
    {"run": "5c71c8b6ff29787ad9084ba573dc0a04"},
)
ROUND_CLOSED = ProblemType(
    "round_closed",
    409,
    "The round is closed",
    "Play in a round that is open; {round_id} is closed.",
    {"round_id": "spring"},
)
ROUND_VERSION = ProblemType(
    "round_version",
    409,
    "The round belongs to another version",
    "The operator must run the version that {round_id} was opened with, or open another round.",
    {"round_id": "spring"},
)
ATTEMPTS_USED = ProblemType(
    "attempts_used",
    409,
    "All attempts are used",
    "Play another entry: all {allowed} attempts at entry {entry} are used.",
    {"allowed": 4, "entry": 7},
)
METHOD_NOT_ALLOWED = ProblemType(
    "method_not_allowed",
    405,
    "The method is not allowed",
    "Use another method than {method} here.",
    {"method": "PUT"},
)
BODY_TOO_SLOW = ProblemType(
    "body_too_slow",
    408,
    "The request is too slow",
    "Send the whole body within {timeout_seconds:.0f} seconds.",
    {"timeout_seconds": 30.0},
)
EPISODE_EXISTS = ProblemType(
    "episode_exists",
    409,
    "The episode exists",
    "{episode_id} was begun with other parameters, elsewhere, or has gone on; "
    "step it, resume it where it was begun with resume: true, or reset with another episode_id.",
    {"episode_id": "demo-1"},
)
EPISODE_OVER = ProblemType(
    "episode_over",
    409,
    "The episode is over",
    "Share a transcript before the last action of the episode.",
)
EPISODE_NOT_STARTED = ProblemType(
    "episode_not_started", 409, "No episode was begun here", "No episode was begun here; send a reset first."
)
WRONG_EXPECTED_VERSION = ProblemType(
    "wrong_expected_version",
    409,
    "The episode is at another version",
    "Look at what happened up to version {actual}, then send the step with that expected_version.",
    {"actual": 4},
    {"actual_version": 4},
)
REQUEST_ID_REUSED = ProblemType(
    "request_id_reused",
    409,
    "The request id has been used",
    "Send each new step with a request_id of its own; {request_id} belongs to an earlier one.",
    {"request_id": "r-2"},
)
BODY_TOO_LARGE = ProblemType(
    "body_too_large",
    413,
    "The request is too large",
    "Send at most {limit_bytes} bytes in one request.",
    {"limit_bytes": 262_144},
)
WRONG_HOST = ProblemType(
    "wrong_host",
    421,
    "This host is not served here",
    "Use localhost or an address; an operator may name {host} in MLOPS_DEBUG_ALLOWED_HOSTS.",
    {"host": "example.org"},
)
_TOO_HIGH = "Input should be less than or equal to 1"
INVALID = ProblemType(
    "invalid",
    422,
    "The request does not fit the schema",
    "Mend what errors names ({first}); GET /schema has the schema.",
    {"first": _TOO_HIGH},
    {"errors": [{"loc": ["confidence"], "msg": _TOO_HIGH, "type": "less_than_equal"}]},
)
TOO_MANY_STEPS = ProblemType(
    "too_many_steps",
    429,
    "Too many steps",
    "Nothing was recorded; send at most {steps_per_second} steps a second, and this one again in a second.",
    {"steps_per_second": 100_000},
)
INTERNAL = ProblemType(
    "internal", 500, "The server failed", "Nothing more is known to the client; the server's log says why."
)
SECRET_LOST = ProblemType(
    "secret_lost",
    500,
    "The server cannot read a secret file",
    "The operator must put it back; the log says which.",
)
SCENARIO_LOST = ProblemType(
    "scenario_lost",
    500,
    "The scenario of the episode cannot be read",
    "The operator should audit this episode: scenario {digest} {reason}.",
    {"digest": "5f3a", "reason": "is not in the store"},
)
STORE_UNAVAILABLE = ProblemType(
    "store_unavailable",
    503,
    "The database does not take the request",
    "{outcome}. Send the same again after the time in Retry-After.",
    {"outcome": "Nothing was recorded, because of the database: its disk is full"},
)
NOT_READY = ProblemType(
    "not_ready",
    503,
    "The server is not ready",
    "{reason}",
    {"reason": "The database does not answer; ask again later."},
    {"queue_depth": 0, "open_sockets": 0},
)
TOO_MANY_WAITING = ProblemType(
    "too_many_waiting",
    503,
    "Too much is waiting to be generated",
    "Nothing was recorded; {limit} scenarios and patches wait already. "
    "Send the same again after the time in Retry-After.",
    {"limit": 1024},
)
GENERATOR_UNAVAILABLE = ProblemType(
    "generator_unavailable",
    503,
    "The generator did not answer",
    "Nothing was recorded, because the process that generates or verifies was lost. "
    "Send the same again after the time in Retry-After.",
)
TOO_MANY_SOCKETS = ProblemType(
    "too_many_sockets",
    503,
    "Too many sockets are open",
    "The server keeps at most {limit} sockets open; connect again later, or play over REST.",
    {"limit": 4096},
)

PROBLEM_TYPES: Mapping[str, ProblemType] = MappingProxyType(
    {each.code: each for each in tuple(globals().values()) if isinstance(each, ProblemType)}
)
"""Every type above, by code, in the order of the OpenAPI document."""


def invalid(errors: list[dict[str, Any]]) -> Problem:
    """The problem of a request with these errors, each with ``loc``, ``msg`` and ``type``."""
    first = errors[0]["msg"] if errors else "the request is not valid"
    return INVALID.problem({"errors": errors}, first=first)
