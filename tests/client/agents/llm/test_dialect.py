"""What an endpoint refuses is left out from then on, and calls that are refused at the same time do not undo each other."""

from __future__ import annotations

from itertools import permutations

import httpx
import openai
import pytest

from mlops_debug_env.agents.llm.dialect import Dialect, refused_parameter

OLD_FIRST = Dialect(("max_tokens", "max_completion_tokens"))


def refusal(message: str, **members: str) -> openai.BadRequestError:
    response = httpx.Response(400, request=httpx.Request("POST", "http://127.0.0.1/v1"))
    return openai.BadRequestError(message, response=response, body={"message": message, **members})


def test_the_refusals_of_calls_that_were_under_way_together_add_up_in_any_order() -> None:
    refused = ("max_tokens", "max_tokens", "temperature", "max_tokens")
    for order in set(permutations(refused)):
        dialect = OLD_FIRST
        for each in order:
            dialect = dialect.without(each)
        assert dialect.parameters(max_output_tokens=9, temperature=0.5) == {"max_completion_tokens": 9}


def test_an_endpoint_that_takes_no_bound_is_sent_none() -> None:
    dialect = OLD_FIRST.without("max_tokens").without("max_completion_tokens")
    assert dialect.parameters(max_output_tokens=9, temperature=None) == {}


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (refusal("no", code="unsupported_parameter", param="max_tokens"), "max_tokens"),
        (refusal("'max_tokens' is not supported, use 'max_completion_tokens' instead."), "max_tokens"),
        (refusal("Unrecognized request argument supplied: temperature"), "temperature"),
        (refusal("no", code="unsupported_parameter", param="seed"), None),
        (refusal("max_tokens is too large: 2048. This model's maximum context length is 6500 tokens"), None),
        (refusal("this model does not support tools"), None),
    ],
)
def test_a_parameter_is_refused_by_name_and_not_where_its_value_is_too_large(
    error: openai.BadRequestError, refused: str | None
) -> None:
    assert refused_parameter(error, {"model", "max_tokens", "temperature"}) == refused
