"""What an endpoint refuses is left out from then on, and requests that are refused at the same time do not undo each other."""

from __future__ import annotations

from itertools import permutations

from mlops_debug_env.agents.llm.dialect import Dialect, Sampling
from mlops_debug_env.agents.llm.refusals import Meaning

OLD_FIRST = Dialect(("max_tokens", "max_completion_tokens"))
SAMPLING = Sampling(max_output_tokens=9, temperature=0.5, reasoning_effort="low")
MESSAGES = [
    {"role": "system", "content": "Rules."},
    {"role": "user", "content": "Begin."},
    {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."},
]


def without(dialect: Dialect, meaning: Meaning, name: str = "") -> Dialect:
    after = dialect.after(meaning, name)
    assert after is not None
    return after


def test_the_refusals_of_requests_that_were_under_way_together_add_up_in_any_order() -> None:
    refused = ("max_tokens", "max_tokens", "temperature", "max_tokens")
    for order in set(permutations(refused)):
        dialect = OLD_FIRST
        for each in order:
            dialect = without(dialect, Meaning.PARAMETER, each)
        assert dialect.request("m", MESSAGES, None, SAMPLING).parameters == {
            "model": "m",
            "max_completion_tokens": 9,
            "reasoning_effort": "low",
        }


def test_an_endpoint_that_takes_no_bound_is_sent_none_and_the_request_says_that_it_is_altered() -> None:
    dialect = OLD_FIRST
    assert not dialect.request("m", MESSAGES, None, SAMPLING).is_altered
    dialect = without(dialect, Meaning.PARAMETER, "max_tokens")
    assert not dialect.request("m", MESSAGES, None, SAMPLING).is_altered, "the bound has another name"
    dialect = without(dialect, Meaning.PARAMETER, "max_completion_tokens")
    request = dialect.request("m", MESSAGES, None, SAMPLING)
    assert request.parameters == {"model": "m", "temperature": 0.5, "reasoning_effort": "low"}
    assert request.is_altered


def test_only_what_was_sent_can_be_what_is_refused() -> None:
    request = OLD_FIRST.request("m", MESSAGES, None, Sampling(max_output_tokens=9))
    assert set(request.sent.parameters) == {"max_tokens"}
    assert request.sent.members == {"reasoning_content"}
    assert (request.sent.has_tools, request.sent.has_system, request.sent.is_stream) == (False, True, False)


def test_what_the_user_puts_into_the_body_is_sent_as_it_is_and_never_left_out() -> None:
    sampling = Sampling(max_output_tokens=9, temperature=0.5, extra_body={"temperature": 0.1, "top_k": 5})
    request = OLD_FIRST.request("m", MESSAGES, None, sampling)
    assert request.parameters == {"model": "m", "max_tokens": 9, "temperature": 0.1, "top_k": 5}
    assert set(request.sent.parameters) == {"max_tokens"}


def test_a_member_that_is_refused_is_left_out_of_the_model_s_messages_only() -> None:
    dialect = without(OLD_FIRST, Meaning.MEMBER, "reasoning_content")
    assert dialect.request("m", MESSAGES, None, SAMPLING).messages[2] == {"role": "assistant", "content": "Yes."}


def test_without_system_messages_the_instructions_stand_before_the_first_message() -> None:
    messages = without(OLD_FIRST, Meaning.SYSTEM).request("m", MESSAGES, None, SAMPLING).messages
    assert messages[0] == {"role": "user", "content": "Rules.\n\nBegin."}
    assert len(messages) == 2


def test_nothing_can_be_left_out_for_an_error_that_names_nothing() -> None:
    assert all(OLD_FIRST.after(each, "") is None for each in (Meaning.OTHER, Meaning.KEY, Meaning.TOO_LONG))
