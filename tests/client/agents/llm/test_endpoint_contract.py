"""The contract with OpenAI-compatible endpoints: whatever an endpoint does, what is measured is the model, and no episode is lost.

Each test is one behaviour that was reported of servers in use, made by a server on a real socket.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response

from mlops_debug_env.agents.llm.errors import ModelRefusedError, ModelUnavailableError
from mlops_debug_env.agents.llm.prices import Price
from mlops_debug_env.protocol.actions import SubmitDiagnosis
from tests.client.agents.llm.endpoints import (
    SUBMITTED,
    call,
    completion,
    next_call,
    play,
    playing,
    raw,
    refusal,
    turns_so_far,
    unless,
)
from tests.client.scripted_model import Json
from tests.served import Served

GOOD = ["read_config", "read_logs", "submit_diagnosis"]
FLOOR = 0.01
PRICE = Price(input_usd_per_million=10.0, output_usd_per_million=100.0, cached_input_usd_per_million=1.0)


def no(message: str, status: int = 400, **members: Any) -> Callable[[Json], Response]:
    return lambda _: refusal(status, message, **members)


# Parameters.


async def test_a_refused_parameter_is_left_out_by_code_and_param_whatever_the_words(served: Served) -> None:
    refuses = no("nein", code="unsupported_parameter", param="max_tokens")
    played = await play(served, unless(lambda body: "max_tokens" in body, refuses, playing()))
    assert played.names == GOOD
    assert [("max_tokens" in each, "max_completion_tokens" in each) for each in played.asked] == [
        (True, False),
        *[(False, True)] * 3,
    ]
    assert played.usage.altered_calls == 0, "the bound is sent under its other name"


async def test_a_reasoning_effort_that_a_validating_server_forbids_is_left_out_and_each_call_is_counted_as_altered(
    served: Served,
) -> None:
    forbids = {"detail": [{"type": "extra_forbidden", "loc": ["body", "reasoning_effort"], "msg": "no extra inputs"}]}
    answer = unless(lambda body: "reasoning_effort" in body, lambda _: JSONResponse(forbids, 422), playing())
    played = await play(served, answer, reasoning_effort="high")
    assert played.names == GOOD
    assert played.usage.altered_calls == 3


async def test_a_parameter_that_was_not_sent_is_not_what_is_refused(served: Served) -> None:
    refuses = no("no", code="unsupported_parameter", param="temperature")
    with pytest.raises(ModelUnavailableError):
        await play(served, refuses)


async def test_overflow_that_is_worded_through_max_tokens_makes_room_and_drops_no_parameter(served: Served) -> None:
    def refuses(body: Json) -> bool:
        return body["max_tokens"] > 600 or len(json.dumps(body["messages"])) > 30_000

    words = "max_tokens is too large: 2048. This model's maximum context length is 6500 tokens and the request has 4481"
    played = await play(served, unless(refuses, no(words, type="BadRequestError", param="max_tokens"), playing()))
    assert played.names == GOOD
    assert all("max_tokens" in each for each in played.asked)
    assert played.usage.context_cuts == 5, "thrice the messages, then twice the answer"


async def test_an_answer_s_bound_above_the_model_s_is_halved_alone(served: Served) -> None:
    refuses = no("max_tokens must be at most 512 for this model", param="max_tokens", code="invalid_value")
    played = await play(served, unless(lambda body: body["max_tokens"] > 512, refuses, playing()))
    assert [each["max_tokens"] for each in played.asked] == [2048, 1024, 512, 512, 512]
    assert played.usage.context_cuts == 2


async def test_overflow_that_a_local_server_reports_with_status_500_and_a_type_is_no_outage(served: Served) -> None:
    refuses = no("exceeds", 500, code=500, type="exceed_context_size_error", n_ctx=4096)
    played = await play(served, unless(lambda body: body["max_tokens"] > 1024, refuses, playing()))
    assert (played.names, played.pauses) == (GOOD, [])


# The model's own message comes back as it came.


def lacks(part: Callable[[Json], bool]) -> Callable[[Json], bool]:
    return lambda body: not all(part(each) for each in turns_so_far(body))


@pytest.mark.parametrize("mode", ["auto", "tools"])
async def test_a_thought_signature_beside_a_call_comes_back_with_each_call(mode: str, served: Served) -> None:
    signed = {"google": {"thought_signature": "c2ln"}}

    def answer(body: Json) -> Response:
        return completion({"content": None, "tool_calls": [next_call(body, extra_content=signed)]})

    def is_signed(message: Json) -> bool:
        return all(each.get("extra_content") == signed for each in message["tool_calls"])

    refuses = no("Function call is missing a thought_signature in functionCall parts", status="INVALID_ARGUMENT")
    played = await play(served, unless(lacks(is_signed), refuses, answer), mode=mode)
    assert played.names == GOOD
    assert played.usage.json_turns == 0
    assert len(played.asked) == 3


async def test_reasoning_content_comes_back_with_each_turn(served: Served) -> None:
    def is_whole(message: Json) -> bool:
        return bool(message.get("reasoning_content") == "First the config.")

    refuses = no("the reasoning_content in the thinking mode must be passed back to the API")
    played = await play(served, unless(lacks(is_whole), refuses, playing(reasoning_content="First the config.")))
    assert played.names == GOOD


async def test_reasoning_that_a_server_gives_and_does_not_take_back_is_left_out_once_it_was_refused(
    served: Served,
) -> None:
    refuses = no("'messages.2' : for 'role:assistant' property 'reasoning' is unsupported")

    def has_reasoning(body: Json) -> bool:
        return any("reasoning" in each for each in turns_so_far(body))

    played = await play(served, unless(has_reasoning, refuses, playing(reasoning="Hm.")))
    assert played.names == GOOD
    assert len(played.asked) == 4, "one request was refused, and nothing refused was sent again"


async def test_call_ids_of_nine_letters_and_digits_come_back_unchanged(served: Served) -> None:
    def answer(body: Json) -> Response:
        return completion({"content": "", "tool_calls": [next_call(body) | {"id": "aB3dE6gH9"}]})

    def refuses(body: Json) -> bool:
        ids = [each["tool_call_id"] for each in body["messages"] if each["role"] == "tool"]
        ids += [each["id"] for message in turns_so_far(body) for each in message.get("tool_calls", [])]
        return not all(re.fullmatch("[a-zA-Z0-9]{9}", each) for each in ids)

    bad = no("Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.", code="3280")
    played = await play(served, unless(refuses, bad, answer))
    assert (played.names, played.usage.json_turns) == (GOOD, 0)


@pytest.mark.parametrize("identity", ["", None, 7], ids=repr)
async def test_calls_without_an_id_get_one_that_the_strictest_server_takes(identity: Any, served: Served) -> None:
    def answer(body: Json) -> Response:
        both = [next_call(body) | {"id": identity}, call("read_logs", {}) | {"id": identity}]
        return completion({"tool_calls": both})

    played = await play(served, answer)
    assert played.names == GOOD
    message, *answers = played.asked[-1]["messages"][-3:]
    ids = [each["id"] for each in message["tool_calls"]]
    assert [each["tool_call_id"] for each in answers] == ids
    assert len(set(ids)) == 2 and all(re.fullmatch("[a-zA-Z0-9]{9}", each) for each in ids)


@pytest.mark.parametrize("content", ["", " \n", None], ids=repr)
async def test_empty_text_beside_a_call_is_sent_back_as_null(content: str | None, served: Served) -> None:
    def is_refused(body: Json) -> bool:
        return any(each["content"] is not None for each in turns_so_far(body))

    refuses = no("messages: text content blocks must be non-empty")
    assert (await play(served, unless(is_refused, refuses, playing(content=content)))).names == GOOD


async def test_members_without_a_value_are_not_sent_back(served: Served) -> None:
    empty = {"refusal": None, "annotations": [], "audio": None, "function_call": None}

    def is_refused(body: Json) -> bool:
        return any(name in each for each in turns_so_far(body) for name in empty)

    refuses = no("Extra inputs are not permitted", code="extra_forbidden", param="messages[2].annotations")
    assert (await play(served, unless(is_refused, refuses, playing(**empty)))).names == GOOD


async def test_text_in_parts_is_read_and_comes_back_in_parts(served: Served) -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": '{"action_type": "read_logs"}'}]},
        {"type": "text", "text": '{"action_type": "submit_diagnosis"}'},
    ]
    played = await play(served, lambda _: completion({"content": parts}), mode="json")
    assert played.names == ["submit_diagnosis"]


async def test_the_older_form_of_a_call_is_one(served: Served) -> None:
    def answer(body: Json) -> Response:
        return completion(
            {"content": None, "function_call": next_call(body)["function"]}, finish_reason="function_call"
        )

    played = await play(served, answer)
    assert played.names == GOOD
    assert "function_call" not in json.dumps(played.asked[-1]["messages"])


async def test_no_message_of_the_model_is_invented_for_a_step_that_was_taken_for_it(served: Served) -> None:
    def answer(body: Json) -> Response:
        if "taken for you" not in json.dumps(body["messages"]):
            return completion({"content": "Well.", "reasoning_content": "Hm."})
        return completion({"content": None, "tool_calls": [call("submit_diagnosis", SUBMITTED)]})

    played = await play(served, answer)
    assert (len(played.actions), played.usage.fallback_steps) == (2, 1)
    own, shown = played.asked[-1]["messages"][-2:]
    assert own == {"role": "assistant", "content": "Well.", "reasoning_content": "Hm."}
    assert shown["role"] == "user"
    assert shown["content"].startswith("[You gave no legal action, so this step was taken for you.]\n{")


async def test_a_very_long_text_beside_a_call_is_not_carried_along(served: Served) -> None:
    played = await play(served, playing(content="word " * 100_000))
    assert played.names == GOOD
    assert len(json.dumps(played.asked[-1]["messages"])) < 100_000


# What is in an answer is read defensively.


async def test_arguments_may_be_an_object(served: Served) -> None:
    def answer(body: Json) -> Response:
        made = next_call(body)
        made["function"]["arguments"] = json.loads(made["function"]["arguments"])
        return completion({"content": None, "tool_calls": [made]})

    played = await play(served, answer)
    assert played.names == GOOD
    assert played.usage.invalid_replies == 0
    assert isinstance(turns_so_far(played.asked[-1])[0]["tool_calls"][0]["function"]["arguments"], str)


async def test_arguments_may_be_encoded_twice_or_missing(served: Served) -> None:
    def answer(body: Json) -> Response:
        made = next_call(body)
        text = made["function"]["arguments"]
        made["function"]["arguments"] = None if text == "{}" else json.dumps(text)
        return completion({"content": None, "tool_calls": [made]})

    played = await play(served, answer)
    assert played.names == GOOD
    assert played.actions[-1] == SubmitDiagnosis(**SUBMITTED)


LONG = {
    "5,001 digits": '{"confidence": ' + "1" * 5001 + "}",
    "100,000 brackets": '{"confidence": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "NaN": '{"confidence": NaN}',
    "a lone surrogate": '{"root_cause_file": "\\ud83d"}',
}


@pytest.mark.parametrize("arguments", LONG.values(), ids=LONG)
@pytest.mark.parametrize("is_object", [False, True], ids=["as text", "as an object"])
async def test_arguments_that_no_program_reads_are_an_illegal_reply_and_the_model_goes_on(
    arguments: str, is_object: bool, served: Served
) -> None:
    def answer(body: Json) -> Response:
        if not turns_so_far(body):
            text = completion({"tool_calls": [call("submit_diagnosis", "MARK")]}).body.decode()
            return raw(text.replace('"MARK"', arguments if is_object else json.dumps(arguments)))
        return completion({"tool_calls": [call("submit_diagnosis", SUBMITTED)]})

    played = await play(served, answer)
    assert played.actions[-1].to_wire()["action_type"] == "submit_diagnosis"
    assert len(played.asked) in (1, 2)
    assert played.usage.invalid_replies == len(played.asked) - 1


async def test_a_lone_surrogate_in_text_becomes_a_replacement_character(served: Served) -> None:
    def answer(body: Json) -> Response:
        text = completion({"content": "I look MARK", "tool_calls": [next_call(body)]}).body.decode()
        return raw(text.replace("MARK", "\\ud83d"))

    played = await play(served, answer)
    assert played.names == GOOD
    assert turns_so_far(played.asked[-1])[0]["content"] == "I look �"
    assert played.replies[0].message is not None and "I look �" in played.replies[0].model_dump_json()


USAGES = [
    {},
    [],
    "many",
    {"prompt_tokens": None},
    {"prompt_tokens": 7.5, "completion_tokens": None},
    {"total_tokens": 3},
]


@pytest.mark.parametrize("usage", USAGES, ids=str)
async def test_what_an_endpoint_did_not_count_is_estimated(usage: Any, served: Served) -> None:
    def answer(body: Json) -> Response:
        return completion({"tool_calls": [next_call(body)]}, usage=usage)

    played = await play(served, answer)
    assert played.names == GOOD
    used = played.usage
    has_input = isinstance(usage, dict) and usage.get("prompt_tokens") is not None
    assert used.input_tokens == 24 if has_input else used.input_tokens > 3000
    assert used.estimated_tokens == used.output_tokens + (0 if has_input else used.input_tokens) > 0


async def test_reasoning_that_is_counted_in_the_total_only_is_output(served: Served) -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 410}
    usage |= {"completion_tokens_details": {"reasoning_tokens": 300}}
    played = await play(served, lambda body: completion({"tool_calls": [next_call(body)]}, usage=usage))
    assert (played.usage.output_tokens, played.usage.reasoning_tokens) == (3 * 310, 3 * 300)


CACHED = [
    {"prompt_tokens_details": {"cached_tokens": 9000}},
    {"prompt_cache_hit_tokens": 9000},
    {"cached_tokens": 9000},
]


@pytest.mark.parametrize("cached", CACHED, ids=lambda each: next(iter(each)))
async def test_cached_input_has_its_own_price(cached: Json, served: Served) -> None:
    usage = {"prompt_tokens": 10_000, "completion_tokens": 0, **cached}
    answer = completion({"tool_calls": [call("submit_diagnosis", SUBMITTED)]}, usage=usage)
    played = await play(served, lambda _: answer, price=PRICE)
    assert played.usage.cached_tokens == 9000
    assert played.usage.cost_usd == pytest.approx(1000 * 10e-6 + 9000 * 1e-6)


@pytest.mark.parametrize(
    ("price", "cost"), [(None, 0.25), (PRICE, 100 * 10e-6 + 10 * 100e-6)], ids=["none", "the user's"]
)
async def test_the_price_that_a_router_states_counts_unless_the_user_gives_one(
    price: Price | None, cost: float, served: Served
) -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "cost": 0.25}
    answer = completion({"tool_calls": [call("submit_diagnosis", SUBMITTED)]}, usage=usage)
    played = await play(served, lambda _: answer, price=price)
    assert played.usage.cost_usd == pytest.approx(cost)


# An answer that is none.


@pytest.mark.parametrize(
    "torn",
    [
        '{"choices": null}',
        '{"choices": []}',
        '{"choices": [{"index": 0, "message": null, "finish_reason": null}]}',
        '{"choices": [{"mess',
        "null",
        "",
        "<html>please wait</html>",
        '{"error": {"message": "rate limited upstream", "code": 429}}',
        '{"choices": [{"finish_reason": "error", "error": {"code": 502, "message": "provider"}, "message": {"content": ""}}]}',
        'data: {"choices": [{"delta": {"content": "I"}}]}\n\n',
    ],
)
async def test_a_200_without_an_answer_is_sent_again(torn: str, served: Served) -> None:
    played = await play(served, lambda _: raw(torn), playing())
    assert (played.names, played.usage.retries, len(played.pauses)) == (GOOD, 1, 1)


async def test_a_body_that_cannot_be_unpacked_is_sent_again(served: Served) -> None:
    played = await play(served, lambda _: raw("no gzip", **{"content-encoding": "gzip"}), playing())
    assert (played.names, played.usage.retries) == (GOOD, 1)


async def test_a_proxy_of_the_environment_is_not_asked_for_an_endpoint_on_this_machine(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    assert (await play(served, playing(), max_retries=0)).names == GOOD


async def test_blank_lines_that_keep_a_connection_open_are_no_answer_of_their_own(served: Served) -> None:
    def answer(body: Json) -> Response:
        return raw("\n\n \r\n" * 50 + completion({"tool_calls": [next_call(body)]}).body.decode())

    played = await play(served, answer)
    assert (played.names, played.usage.retries) == (GOOD, 0)


async def test_an_empty_message_with_a_reason_of_its_own_is_the_model_s_doing(served: Served) -> None:
    malformed = {"choices": [{"index": 0, "finish_reason": "MALFORMED_FUNCTION_CALL"}]}
    played = await play(served, lambda _: JSONResponse(malformed), playing())
    assert played.actions[-1] == SubmitDiagnosis(**SUBMITTED)
    assert (played.usage.invalid_replies, played.usage.retries) == (1, 0)


@pytest.mark.parametrize("reason", ["stop", "", None, "tool_calls", 7])
async def test_the_reason_of_the_end_does_not_decide_whether_there_is_a_call(reason: Any, served: Served) -> None:
    played = await play(
        served, lambda body: completion({"tool_calls": [next_call(body)]}, finish_reason=reason), mode="auto"
    )
    assert played.names == GOOD


async def test_reasoning_that_eats_the_output_budget_is_counted_as_cut_off(served: Served) -> None:
    cut = completion({"content": None, "reasoning_content": "Hm " * 9}, finish_reason="length")
    played = await play(served, lambda _: cut)
    assert played.usage.cut_off_turns == played.usage.calls == 15
    assert played.score == FLOOR
    assert "cut off" in (played.replies[0].problem or "")


async def test_a_refusal_is_counted_and_the_model_may_go_on(served: Served) -> None:
    played = await play(served, lambda _: completion({"content": None, "refusal": "I cannot help."}), playing())
    assert played.usage.refused_turns == 1
    assert "I cannot help." in json.dumps(played.asked[1]["messages"][-2])


async def test_a_prompt_filter_ends_an_episode_at_the_floor_and_not_without_a_score(served: Served) -> None:
    played = await play(served, no("filtered by the content management policy", code="content_filter", param="prompt"))
    assert played.score == FLOOR
    assert played.names[-1] == "submit_diagnosis"
    assert played.usage.filtered_turns == played.usage.lost_turns == len(played.asked) == 5


async def test_a_router_s_moderation_with_status_403_is_no_wrong_key(served: Served) -> None:
    flagged = no("your input was flagged", 403, code=403, metadata={"reasons": ["violence"], "flagged_input": "..."})
    played = await play(served, flagged, playing())
    assert played.actions[-1] == SubmitDiagnosis(**SUBMITTED)
    assert (played.usage.filtered_turns, played.usage.fallback_steps) == (1, 1)


async def test_a_call_that_the_server_could_not_read_is_the_model_s_own_doing(served: Served) -> None:
    failed = no("Failed to call a function.", code="tool_use_failed", failed_generation="<function=read_config{}")
    played = await play(served, failed, playing())
    assert played.actions[-1] == SubmitDiagnosis(**SUBMITTED)
    assert (played.usage.invalid_replies, played.usage.retries) == (1, 0)
    assert played.asked[1]["messages"][-2]["content"] == "<function=read_config{}"


async def test_a_server_that_fails_with_500_on_each_such_call_loses_no_episode(served: Served) -> None:
    failed = no("error parsing tool call: raw='{\"a\"', err=unexpected end of JSON input", 500)
    played = await play(served, failed, max_retries=1)
    assert played.score == FLOOR
    assert played.usage.invalid_replies == 15


# Parts of a request that an endpoint does not read.


async def test_a_schema_that_is_too_rich_for_an_endpoint_is_sent_plainly_before_tools_are_given_up(
    served: Served,
) -> None:
    refuses = no(
        "Invalid JSON payload received. Unknown name \"additionalProperties\" at 'tools[0].function_declarations[0]'"
    )

    def is_rich(body: Json) -> bool:
        text = json.dumps(body.get("tools"))
        is_empty = any(
            not each["function"].get("parameters", {"properties": 1})["properties"] for each in body["tools"]
        )
        return is_empty or any(f'"{name}"' in text for name in ("additionalProperties", "anyOf", "const", "pattern"))

    played = await play(served, unless(is_rich, refuses, playing()), mode="auto")
    assert (played.names, played.usage.json_turns) == (GOOD, 0)
    assert "root_cause_file" in json.dumps(played.asked[-1]["tools"])


async def test_a_template_that_renders_one_call_a_turn_gets_the_one_that_was_carried_out(served: Served) -> None:
    def answer(body: Json) -> Response:
        return completion({"tool_calls": [next_call(body) | {"id": "a"}, call("read_logs", {}) | {"id": "b"}]})

    def has_two(body: Json) -> bool:
        return any(len(each["tool_calls"]) > 1 for each in turns_so_far(body))

    played = await play(served, unless(has_two, no("This model only supports single tool-calls at once!"), answer))
    assert played.names == GOOD
    assert [each["role"] for each in played.asked[-1]["messages"]][2:] == ["assistant", "tool"] * 2


# Streams.


def events(*parts: Json, end: str = "data: [DONE]\n\n") -> Response:
    return raw("".join(f"data: {json.dumps(each)}\n\n" for each in parts) + end)


def streamed(body: Json, *, index: int | None = 0) -> Response:
    """A call in pieces, as documented but for the index."""
    made = next_call(body)
    text = made["function"]["arguments"]
    begun = {**made, "function": {"name": made["function"]["name"], "arguments": ""}}
    deltas: list[Json] = [{"role": "assistant", "content": None, "reasoning_content": "H"}, {"reasoning_content": "m"}]
    place = {} if index is None else {"index": index}
    deltas.append({"tool_calls": [{**place, **begun}]})
    deltas += [{"tool_calls": [{**place, "function": {"arguments": each}}]} for each in (text[:3], text[3:])]
    parts = [{"choices": [{"index": 0, "delta": each, "finish_reason": None}]} for each in deltas]
    parts.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    return events(*parts, {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3}})


@pytest.mark.parametrize("index", [0, None])
async def test_an_endpoint_that_only_streams_is_asked_for_streams(index: int | None, served: Served) -> None:
    refuses = no(
        "parameter.enable_thinking must be set to false for non-streaming calls", code="invalid_parameter_error"
    )
    answer = unless(lambda body: not body.get("stream"), refuses, lambda body: streamed(body, index=index))
    played = await play(served, answer, mode="auto")
    assert played.names == GOOD
    assert [each.get("stream") for each in played.asked] == [None, True, True, True]
    assert (played.usage.input_tokens, played.usage.estimated_tokens) == (15, 0)
    assert turns_so_far(played.asked[-1])[0]["reasoning_content"] == "Hm"


async def test_options_of_a_stream_that_are_not_taken_are_left_out(served: Served) -> None:
    refuses = no("no", code="unknown_parameter", param="stream_options")
    answer = unless(lambda body: "stream_options" in body, refuses, streamed)
    played = await play(served, answer, extra_body={"stream": True})
    assert (played.names, played.usage.altered_calls) == (GOOD, 0)


async def test_several_calls_that_share_one_index_in_a_stream_are_several(served: Served) -> None:
    made = [call("read_config", {}) | {"id": "a"}, call("read_logs", {}) | {"id": "b"}]
    parts = [{"choices": [{"delta": {"tool_calls": [{"index": 0, **each}]}}]} for each in made]
    played = await play(served, lambda _: events(*parts), playing())
    assert played.names[0] == "read_config"
    assert played.usage.ignored_calls == 1


async def test_the_halves_of_a_character_may_come_in_two_events_of_a_stream(served: Served) -> None:
    halves = [{"choices": [{"delta": {"content": "@"}}]}, {"choices": [{"delta": {"content": "&"}}]}]
    text = events(
        *halves, {"choices": [{"delta": {"tool_calls": [call("submit_diagnosis", SUBMITTED)]}}]}
    ).body.decode()
    played = await play(served, lambda _: raw(text.replace("@", "\\ud83d").replace("&", "\\ude00")))
    assert played.replies[0].message is not None
    assert played.replies[0].message["content"] == "\U0001f600"


async def test_an_error_in_the_middle_of_a_stream_is_one(served: Served) -> None:
    broken = events({"choices": [{"delta": {"content": "I"}}]}, {"error": {"code": 502, "message": "provider"}})
    played = await play(served, lambda _: broken, playing())
    assert played.names == GOOD or played.usage.invalid_replies == 1


async def test_a_stream_that_was_not_asked_for_is_read(served: Served) -> None:
    played = await play(served, lambda body: raw(": PROCESSING\n\n" + streamed(body).body.decode()))
    assert (played.names, played.usage.retries) == (GOOD, 0)


# Endpoints and models without something.


@pytest.mark.parametrize(
    "words",
    [
        "registry/x:latest does not support tools",
        '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
        "Conversation roles must alternate user/assistant/user/assistant/...",
    ],
)
async def test_an_endpoint_without_tools_is_asked_in_json_and_each_such_turn_is_counted(
    words: str, served: Served
) -> None:
    def answer(body: Json) -> Response:
        made = next_call(body)["function"]
        return completion({"content": json.dumps({"action_type": made["name"], **json.loads(made["arguments"])})})

    played = await play(served, unless(lambda body: "tools" in body, no(words), answer), mode="auto")
    assert (played.names, played.usage.json_turns) == (GOOD, 3)


async def test_a_template_without_a_system_role_gets_the_instructions_in_the_first_message(served: Served) -> None:
    def has_system(body: Json) -> bool:
        return any(each["role"] == "system" for each in body["messages"])

    played = await play(served, unless(has_system, no("System role not supported"), playing()))
    assert played.names == GOOD
    assert played.asked[-1]["messages"][0]["content"].startswith("You investigate")


async def test_a_tool_that_a_model_was_not_offered_in_json_is_no_error_of_the_runner(served: Served) -> None:
    answer = completion({"content": None, "tool_calls": [call("read_config", {})]})
    played = await play(served, lambda _: answer, mode="json")
    assert played.score == FLOOR


# Waiting, and not waiting.


@pytest.mark.parametrize("told", ["120", "date"])
async def test_a_wait_of_up_to_two_minutes_is_kept(told: str, served: Served) -> None:
    def busy(_: Json) -> Response:
        until = format_datetime(datetime.now(UTC) + timedelta(seconds=119), usegmt=True)
        return JSONResponse({}, 429, headers={"Retry-After": until if told == "date" else told})

    played = await play(served, busy, playing())
    assert played.names == GOOD
    assert 115 < played.pauses[0] <= 120


async def test_a_wait_that_only_the_body_tells_is_kept(served: Served) -> None:
    error = {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "You exceeded your current quota"}
    busy = [{"error": {**error, "details": [{"@type": "type.googleapis.com/RetryInfo", "retryDelay": "35s"}]}}]
    played = await play(served, lambda _: JSONResponse(busy, 429), playing())
    assert (played.names, played.pauses) == (GOOD, [35.0])


@pytest.mark.parametrize(
    ("status", "members"),
    [
        (429, {"code": "insufficient_quota"}),
        (429, {"type": "insufficient_quota"}),
        (402, {}),
        (400, {"code": "billing_hard_limit_reached"}),
        (400, {"message": "Your credit balance is too low to access the API", "type": "invalid_request_error"}),
        (429, {"message": "suspended due to insufficient balance", "type": "exceeded_current_quota_error"}),
    ],
)
async def test_an_exhausted_quota_is_not_waited_for(status: int, members: Json, served: Served) -> None:
    with pytest.raises(ModelRefusedError, match="quota or the balance"):
        await play(served, lambda _: JSONResponse({"error": {"message": "pay first", **members}}, status))


async def test_an_endpoint_that_says_not_to_try_again_is_not_asked_again(served: Served) -> None:
    busy = JSONResponse({"error": {"message": "no"}}, 503, headers={"x-should-retry": "false"})
    asked: list[Json] = []

    def answer(body: Json) -> Response:
        asked.append(body)
        return busy

    with pytest.raises(ModelUnavailableError):
        await play(served, answer)
    assert len(asked) == 1


async def test_a_redirect_that_loses_the_request_says_which_address_to_give(served: Served) -> None:
    with pytest.raises(ModelRefusedError, match="redirects to .* give that as --base-url"):
        await play(served, lambda _: RedirectResponse("/v1/chat/completions?moved=1", 301))
