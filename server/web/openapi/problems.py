"""Which problems there are, with the status and an example of each. A test holds this equal to what the server raises."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Mapping, NamedTuple


class ProblemKind(NamedTuple):
    """One code."""

    status: int
    title: str
    detail: str
    """As an example."""
    extra: Mapping[str, Any] = MappingProxyType({})

    def example(self, code: str) -> dict[str, Any]:
        members = {"title": self.title, "status": self.status, "code": code, "detail": self.detail}
        return {"type": "about:blank", **members, **self.extra}


_INVALID = {
    "errors": [{"loc": ["confidence"], "msg": "Input should be less than or equal to 1", "type": "less_than_equal"}]
}

PROBLEMS: Mapping[str, ProblemKind] = MappingProxyType(
    {
        "invalid_json": ProblemKind(400, "The body is not JSON", "Send a JSON object in UTF-8."),
        "episode_unnamed": ProblemKind(
            400,
            "No episode is named",
            "Name the episode by path, body or query as episode_id, or keep the cookie that reset sets.",
        ),
        "episode_ambiguous": ProblemKind(
            400, "Two episodes are named", "The request names demo-1 and demo-2; name one."
        ),
        "client_left": ProblemKind(
            400, "The client left", "Nothing was recorded: the connection was closed before it was its turn."
        ),
        "key_required": ProblemKind(
            401,
            "A good API key is needed",
            "Send the key that the operator gave you as Authorization: Bearer KEY, or in the address as "
            "http://agent:KEY@host.",
        ),
        "forbidden": ProblemKind(403, "The key is not for this", "Use a key with the scope agent."),
        "origin_refused": ProblemKind(
            403,
            "Pages of other sites may not play here",
            "The request comes from https://example.org; an operator may name it in MLOPS_DEBUG_ALLOWED_ORIGINS.",
        ),
        "not_found": ProblemKind(
            404, "There is no such resource", "See /schema and /metadata; /nowhere is not served."
        ),
        "unknown_episode": ProblemKind(
            404, "There is no such episode", "Begin demo-1 with a reset, or name another episode."
        ),
        "unknown_task": ProblemKind(
            404, "There is no such task", "Choose another index: test has no task 3000; it has 3000."
        ),
        "unknown_round": ProblemKind(
            404, "There is no such round", "GET /rounds lists the rounds; there is no spring."
        ),
        "unknown_entry": ProblemKind(404, "The suite has no such entry", "Name an entry from 1 to 45, not 46."),
        "round_closed": ProblemKind(409, "The round is closed", "Play in a round that is open; spring is closed."),
        "round_version": ProblemKind(
            409,
            "The round belongs to another version",
            "The operator must run the version that spring was opened with, or open another round.",
        ),
        "attempts_used": ProblemKind(
            409, "All attempts are used", "Play another entry: all 4 attempts at entry 7 are used."
        ),
        "method_not_allowed": ProblemKind(405, "The method is not allowed", "Use another method than PUT here."),
        "body_too_slow": ProblemKind(408, "The request is too slow", "Send the whole body within 30 seconds."),
        "episode_exists": ProblemKind(
            409,
            "The episode exists",
            "demo-1 was begun with other parameters, elsewhere, or has gone on; step it, resume it where it was begun "
            "with resume: true, or reset with another episode_id.",
        ),
        "episode_not_started": ProblemKind(
            409, "No episode was begun here", "No episode was begun here; send a reset first."
        ),
        "wrong_expected_version": ProblemKind(
            409,
            "The episode is at another version",
            "Look at what happened up to version 4, then send the step with that expected_version.",
            {"actual_version": 4},
        ),
        "request_id_reused": ProblemKind(
            409,
            "The request id has been used",
            "Send each new step with a request_id of its own; r-2 belongs to an earlier one.",
        ),
        "body_too_large": ProblemKind(413, "The request is too large", "Send at most 262144 bytes in one request."),
        "wrong_host": ProblemKind(
            421,
            "This host is not served here",
            "Use localhost or an address; an operator may name example.org in MLOPS_DEBUG_ALLOWED_HOSTS.",
        ),
        "invalid": ProblemKind(
            422,
            "The request does not fit the schema",
            "Mend what errors names (Input should be less than or equal to 1); GET /schema has the schema.",
            _INVALID,
        ),
        "too_many_steps": ProblemKind(
            429,
            "Too many steps",
            "Nothing was recorded; send at most 100000 steps a second, and this one again in a second.",
        ),
        "internal": ProblemKind(
            500, "The server failed", "Nothing more is known to the client; the server's log says why."
        ),
        "secret_lost": ProblemKind(
            500,
            "The server cannot read a secret file",
            "The operator must put it back; the log says which.",
        ),
        "scenario_lost": ProblemKind(
            500,
            "The scenario of the episode cannot be read",
            "The operator should audit this episode: scenario 5f3a is not in the store.",
        ),
        "store_unavailable": ProblemKind(
            503,
            "The database does not take the request",
            "Nothing was recorded, because of the database: its disk is full. "
            "Send the same again after the time in Retry-After.",
        ),
        "not_ready": ProblemKind(
            503,
            "The server is not ready",
            "The database does not answer; ask again later.",
            {"queue_depth": 0, "open_sockets": 0},
        ),
        "too_many_waiting": ProblemKind(
            503,
            "Too much is waiting to be generated",
            "Nothing was recorded; 1024 scenarios and patches wait already. "
            "Send the same again after the time in Retry-After.",
        ),
        "generator_unavailable": ProblemKind(
            503,
            "The generator did not answer",
            "Nothing was recorded, because the process that generates or verifies was lost. "
            "Send the same again after the time in Retry-After.",
        ),
        "too_many_sockets": ProblemKind(
            503,
            "Too many sockets are open",
            "The server keeps at most 4096 sockets open; connect again later, or play over REST.",
        ),
    }
)
