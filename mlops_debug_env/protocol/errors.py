"""The errors of the client. Each message says in one line what happened and what to do.

MlopsDebugError
 +- InvalidAddressError       the base URL, session key or API key cannot be used (also a ValueError)
 +- ConnectionFailedError     no answer came, and trying again did not help
 |   +- ServerUnreachableError    nothing listens there, or it is not this server
 |   +- AnswerTimeoutError        it was sent, and no answer came in time
 +- SessionTakenOverError     a newer client plays with this session key
 +- ProtocolError             an answer came that this client cannot read
 +- ClientUnusableError       it was made in another process or event loop (also a RuntimeError)
 +- ProblemError              the server answered with a problem: status, code, detail, errors
     +- InvalidRequestError       422: it does not fit the schema; nothing was recorded
     +- EpisodeNotStartedError    409: a reset must come first
     +- ConflictError             409: episode_exists, wrong_expected_version, request_id_reused
     +- NotFoundError             404: no such episode or resource
     +- NotAllowedError           401, 403: an API key is missing, unknown or not allowed this
     +- CapacityError             429, 503: busy, even after the retries; retry_after_seconds
     +- ServerFailedError         500 and above
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Mapping


class MlopsDebugError(Exception):
    """Any error of this package."""


class InvalidAddressError(MlopsDebugError, ValueError):
    """The server cannot be addressed like this."""


class ConnectionFailedError(MlopsDebugError):
    """No answer, after all retries."""

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(f"{detail} ({url})")
        self.url = url


class ServerUnreachableError(ConnectionFailedError):
    """No connection, or to a server of another kind."""


class AnswerTimeoutError(ConnectionFailedError):
    """The request was sent, and the answer timed out."""


class SessionTakenOverError(MlopsDebugError):
    """A newer client plays with this session key."""

    def __init__(self, session_key: str) -> None:
        super().__init__(
            f"Another client has taken over session {session_key}; play there, or use a session key of your own."
        )
        self.session_key = session_key


class ProtocolError(MlopsDebugError):
    """The client cannot parse an answer."""


class ClientUnusableError(MlopsDebugError, RuntimeError):
    """The client was made in another process, or plays in another event loop."""


class ProblemError(MlopsDebugError):
    """The server answered with a problem object (RFC 9457)."""

    def __init__(self, problem: Mapping[str, Any], *, retry_after_seconds: float | None = None) -> None:
        self.problem: Mapping[str, Any] = MappingProxyType(dict(problem))
        self.status: int = int(problem.get("status") or 500)
        self.code: str = str(problem.get("code") or "unknown")
        self.detail: str = str(problem.get("detail") or problem.get("title") or "The server did not say why.")
        self.errors: tuple[Mapping[str, Any], ...] = tuple(problem.get("errors") or ())
        """Validation errors with loc, msg and type; empty for other problems."""
        self.retry_after_seconds = retry_after_seconds
        """Time until a retry; None: the server gave none."""
        super().__init__(f"{self.code}: {self.detail}{_error_locations(self.errors)}")


class InvalidRequestError(ProblemError):
    """It does not fit the schema; nothing was recorded."""


class EpisodeNotStartedError(ProblemError):
    """A reset must come first."""


class ConflictError(ProblemError):
    """The episode, its version or the request id is not the expected one."""

    @property
    def actual_version(self) -> int | None:
        """The episode's version; None: the conflict is about something else."""
        version = self.problem.get("actual_version")
        return version if isinstance(version, int) else None


class NotFoundError(ProblemError):
    """There is no such episode or resource."""


class NotAllowedError(ProblemError):
    """An API key is missing, unknown, or not allowed this."""


class CapacityError(ProblemError):
    """The server was busy in all retries."""


class ServerFailedError(ProblemError):
    """The server failed; its log says why."""


_KIND_OF_CODE: Mapping[str, type[ProblemError]] = MappingProxyType({"episode_not_started": EpisodeNotStartedError})
_KIND_OF_STATUS: Mapping[int, type[ProblemError]] = MappingProxyType(
    {
        400: InvalidRequestError,
        401: NotAllowedError,
        403: NotAllowedError,
        404: NotFoundError,
        409: ConflictError,
        413: InvalidRequestError,
        422: InvalidRequestError,
        429: CapacityError,
        503: CapacityError,
    }
)
# The frame of a problem that has a code of its own on a WebSocket does not carry the problem object.
_OF_FRAME_CODE: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        "VALIDATION_ERROR": (422, "invalid"),
        "INVALID_JSON": (400, "invalid_json"),
        "UNKNOWN_TYPE": (400, "unknown_type"),
        "EPISODE_NOT_STARTED": (409, "episode_not_started"),
        "CAPACITY_REACHED": (503, "capacity_reached"),
    }
)


def problem_error(problem: Mapping[str, Any], *, retry_after_seconds: float | None = None) -> ProblemError:
    """The error for a problem object."""
    status = int(problem.get("status") or 500)
    default = ServerFailedError if status >= 500 else ProblemError
    kind = _KIND_OF_CODE.get(str(problem.get("code"))) or _KIND_OF_STATUS.get(status, default)
    return kind(problem, retry_after_seconds=retry_after_seconds)


def frame_error(data: Mapping[str, Any]) -> ProblemError:
    """The error for the data of a WebSocket error frame; SESSION_ERROR is not one of these."""
    embedded = data.get("problem")
    if isinstance(embedded, Mapping):
        return problem_error(embedded, retry_after_seconds=_seconds(data.get("retry_after_seconds")))
    status, code = _OF_FRAME_CODE.get(str(data.get("code")), (500, str(data.get("code")).lower()))
    problem = {"status": status, "code": code, "detail": data.get("message"), "errors": data.get("errors")}
    return problem_error(problem, retry_after_seconds=_seconds(data.get("retry_after_seconds")))


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and value >= 0 else None


def _error_locations(errors: tuple[Mapping[str, Any], ...]) -> str:
    """The locations of validation errors, in one line."""
    places = [f"{'.'.join(str(part) for part in each.get('loc', ()))}: {each.get('msg')}" for each in errors[:3]]
    return f" [{'; '.join(places)}]" if places else ""
