from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

import mlops_debug_env.protocol.errors as errors
from mlops_debug_env.protocol.errors import MlopsDebugError, ProblemError, frame_error, problem_error


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    drawn: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^([ |]*)(?:\+- )?(\w+Error)\b", line)
        if found is None:
            continue
        depth = (len(found[1]) + 3) // 4 if "+-" in line else 0
        above = [*above[:depth], found[2]]
        drawn[found[2]] = above[-2] if depth else "Exception"
    classes = {
        name: kind for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, Exception)
    }
    assert drawn == {name: kind.__bases__[0].__name__ for name, kind in classes.items()}


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_json", errors.InvalidRequestError),
        (401, "unauthorized", errors.NotAllowedError),
        (403, "forbidden", errors.NotAllowedError),
        (404, "unknown_episode", errors.NotFoundError),
        (409, "episode_exists", errors.ConflictError),
        (409, "episode_not_started", errors.EpisodeNotStartedError),
        (418, "teapot", ProblemError),
        (422, "invalid", errors.InvalidRequestError),
        (429, "too_many_steps", errors.CapacityError),
        (500, "internal", errors.ServerFailedError),
        (503, "store_unavailable", errors.CapacityError),
    ],
)
def test_a_problem_is_the_error_of_its_code_or_status(status: int, code: str, kind: type[ProblemError]) -> None:
    error = problem_error({"status": status, "code": code, "detail": "Do this."})
    assert type(error) is kind
    assert isinstance(error, MlopsDebugError)
    assert (error.status, error.code, error.detail, str(error)) == (status, code, "Do this.", f"{code}: Do this.")


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        (
            {"code": "VALIDATION_ERROR", "message": "m", "errors": [{"loc": ["a"], "msg": "b", "type": "c"}]},
            errors.InvalidRequestError,
            422,
        ),
        ({"code": "EPISODE_NOT_STARTED", "message": "m"}, errors.EpisodeNotStartedError, 409),
        ({"code": "CAPACITY_REACHED", "message": "m", "retry_after_seconds": 2}, errors.CapacityError, 503),
        (
            {"code": "EXECUTION_ERROR", "message": "m", "problem": {"status": 409, "code": "x"}},
            errors.ConflictError,
            409,
        ),
        ({"code": "EXECUTION_ERROR", "message": "m"}, errors.ServerFailedError, 500),
        ({}, errors.ServerFailedError, 500),
    ],
)
def test_an_error_frame_is_the_error_of_its_problem_or_code(
    data: dict[str, Any], kind: type[ProblemError], status: int
) -> None:
    error = frame_error(data)
    assert (type(error), error.status) == (kind, status)
    assert error.retry_after_seconds == data.get("retry_after_seconds")


def test_what_does_not_fit_is_named_in_the_one_line() -> None:
    found = [{"loc": ["action", "confidence"], "msg": "too big", "type": "t"}] * 9
    error = problem_error({"status": 422, "code": "invalid", "detail": "Mend it.", "errors": found})
    assert "action.confidence: too big" in str(error)
    assert len(error.errors) == 9
    assert len(str(error)) < 200
