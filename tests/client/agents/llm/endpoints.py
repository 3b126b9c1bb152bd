"""Plays whole episodes of the served application with a model behind an endpoint that has its own ways."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse, Response

from mlops_debug_env.agents.llm.agent import LlmAgent, LlmSettings
from mlops_debug_env.agents.llm.endpoint import Endpoint, ModelSettings
from mlops_debug_env.agents.llm.limits import Budget, ModelRateLimiter, Spending
from mlops_debug_env.agents.llm.prices import Pricing
from mlops_debug_env.agents.llm.tools import tools_of
from mlops_debug_env.agents.llm.transcript import ModelReply, NoTranscript
from mlops_debug_env.agents.llm.usage import NOTHING_USED, ModelUsage
from mlops_debug_env.protocol.actions import Action, action_schema
from mlops_debug_env.protocol.observations import parse_result
from tests.client.scripted_model import Answer, Json, serving_model
from tests.served import Served

MAX_STEPS = 30
SUBMITTED = {"root_cause_file": "config.yaml", "confidence": 0.4}


class Kept(NoTranscript):
    """Keeps what was reported."""

    def __init__(self) -> None:
        self.parameters: list[Any] = []
        self.replies: list[ModelReply] = []

    def asked(self, messages: Sequence[Any], tools: Sequence[Any] | None, parameters: Any) -> None:
        self.parameters.append(parameters)

    def answered(self, reply: ModelReply) -> None:
        self.replies.append(reply)


@dataclass
class Played:
    """An episode that came to its end."""

    actions: list[Action]
    usage: ModelUsage
    asked: list[Json]
    """The bodies that the endpoint received."""
    replies: list[ModelReply]
    score: float
    pauses: list[float]
    """The waits between retries, which were not waited."""
    names: list[str] = field(default_factory=list)
    """Of the actions."""


async def play(
    served: Served,
    *answers: Answer,
    mode: Any = "tools",
    price: Pricing | None = None,
    settings: LlmSettings | None = None,
    **of_endpoint: Any,
) -> Played:
    """Play an episode to its end; raises what an agent raises."""
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    async with serving_model(answers) as model:
        endpoint = Endpoint(
            ModelSettings(
                **({"model": "m", "base_url": model.url, "api_key": "k", "timeout_seconds": 20.0} | of_endpoint)
            ),
            rate_limiter=ModelRateLimiter(requests_per_minute=None, tokens_per_minute=None),
            spending=Spending(Budget(), monotonic=lambda: 0.0, before=NOTHING_USED),
            price=price,
            pause=pause,
        )
        agent = LlmAgent(
            endpoint=endpoint, tools=tools_of(action_schema()), settings=settings or LlmSettings(mode=mode)
        )
        agent.transcript = kept = Kept()
        actions: list[Action] = []
        try:
            result = parse_result(await served.reset(episode_id="e", task_id="easy", seed=1))
            while not result.done and len(actions) < MAX_STEPS:
                actions.append(await agent.act(result.observation))
                result = parse_result(await served.step("e", actions[-1].to_wire()))
        finally:
            await endpoint.close()
    assert result.done and result.info.score is not None
    names = [each.to_wire()["action_type"] for each in actions]
    return Played(actions, agent.usage, model.asked, kept.replies, result.info.score, pauses, names)


def turns_so_far(body: Json) -> list[Json]:
    """The assistant's messages in a request."""
    return [each for each in body["messages"] if each["role"] == "assistant"]


def call(name: str, arguments: Any, **beside: Any) -> Json:
    """A call of a tool; arguments that are no text are made JSON text."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"id": "c0", "type": "function", "function": {"name": name, "arguments": text}, **beside}


def next_call(body: Json, **beside: Any) -> Json:
    """Reads the config, then the logs, then submits: by how many turns there were."""
    before = len(turns_so_far(body))
    name, arguments = [("read_config", {}), ("read_logs", {}), ("submit_diagnosis", SUBMITTED)][min(before, 2)]
    return call(name, arguments, **beside)


def completion(message: Json, *, finish_reason: Any = "stop", usage: Any = None, **beside: Any) -> JSONResponse:
    """A whole answer with a message."""
    counted = {"prompt_tokens": 100, "completion_tokens": 10} if usage is None else usage
    choice = {"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant", **message}}
    return JSONResponse({"id": "x", "object": "chat.completion", "choices": [choice], "usage": counted, **beside})


def raw(text: str, status: int = 200, **headers: str) -> Response:
    """A body as it stands."""
    return Response(text.encode(), status_code=status, headers=headers, media_type="application/json")


def refusal(status: int, message: str, **members: Any) -> JSONResponse:
    return JSONResponse({"error": {"message": message, **members}}, status_code=status)


def playing(**message: Any) -> Answer:
    """Plays an episode, each message with these members beside its call."""
    return lambda body: completion({"content": None, **message, "tool_calls": [next_call(body)]})


def unless(is_refused: Callable[[Json], bool], refused: Callable[[Json], Response], answer: Answer) -> Answer:
    """Refuses some requests and answers the others."""
    return lambda body: refused(body) if is_refused(body) else answer(body)
