"""The table of problem types is whole: every example is a problem of its type."""

from __future__ import annotations

import pytest

from server.web.problem_details import NOT_READY, PROBLEM_TYPES, ProblemType, invalid


@pytest.mark.parametrize("kind", PROBLEM_TYPES.values(), ids=PROBLEM_TYPES)
def test_an_example_fills_the_whole_detail(kind: ProblemType) -> None:
    example = kind.example()
    assert (example["code"], example["status"], example["title"]) == (kind.code, kind.status, kind.title)
    assert "{" not in example["detail"]
    assert example["detail"].endswith(".")


def test_a_placeholder_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        NOT_READY.problem()


def test_an_invalid_request_names_its_first_error_and_has_them_all() -> None:
    errors = [{"loc": ["a"], "msg": "Too {long}", "type": "t"}, {"loc": ["b"], "msg": "Too short", "type": "t"}]
    problem = invalid(errors)
    assert "(Too {long})" in problem.detail
    assert problem.members()["errors"] == errors
