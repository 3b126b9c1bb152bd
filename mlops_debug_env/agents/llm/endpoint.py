"""One OpenAI-compatible endpoint, shared by all episodes of a run: client, rate limits, budget, and differences between servers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, Callable
from urllib.parse import parse_qs, urlsplit

from mlops_debug_env.agents.llm.chat_client import Answer, ChatClient, FailedRequestError
from mlops_debug_env.agents.llm.chat_history import estimated_tokens
from mlops_debug_env.agents.llm.counted import read_usage
from mlops_debug_env.agents.llm.dialect import Dialect, Request, Sampling
from mlops_debug_env.agents.llm.errors import (
    AnswerTooLongError,
    ContextTooLongError,
    MissingSettingError,
    ModelRefusedError,
    ModelUnavailableError,
    ModelUnreachableError,
    NoToolsError,
    PromptFilteredError,
    UnreadableOutputError,
)
from mlops_debug_env.agents.llm.limits import ModelRateLimiter, Spending
from mlops_debug_env.agents.llm.messages import Message
from mlops_debug_env.agents.llm.prices import Pricing
from mlops_debug_env.agents.llm.refusals import Meaning, blames_the_output
from mlops_debug_env.agents.llm.transcript import ModelReply, ModelTranscript
from mlops_debug_env.agents.llm.usage import NOTHING_USED, ModelUsage

_OPENAI_URL = "https://api.openai.com/v1"
_OPENAI_HOST = "api.openai.com"
_KEY_HEADERS = ("authorization", "api-key", "x-api-key")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """Connection and sampling settings of a model."""

    model: str
    base_url: str | None = None
    """None: OpenAI's own."""
    api_key: str | None
    """None: a header has what the endpoint asks for."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers of each request."""
    timeout_seconds: float = 120.0
    max_retries: int = 6
    """Of one call, on 429, 5xx, time-outs and broken connections; waits as ``Retry-After`` says."""
    max_output_tokens: int = 2048
    temperature: float | None = None
    """None: the model's own."""
    reasoning_effort: str | None = None
    """None: the model's own."""
    extra_body: Mapping[str, Any] | None = None
    """Further members of each request."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of a model."""

    message: dict[str, Any]
    """As the endpoint sent it, unknown parts included."""
    usage: ModelUsage
    finish_reason: str | None
    problem: str | None = None
    """Why the message could not be read; None: it could."""
    refused: ModelUsage = NOTHING_USED
    """What the calls before it had used that the endpoint refused."""


def read_model_settings(environ: Mapping[str, str], *, model: str | None, **given: Any) -> ModelSettings:
    """The settings of an environment; what is given and not None wins.

    Raises:
        MissingSettingError: there is no model name or no key.
    """
    name = model or environ.get("MODEL_NAME")
    if not name:
        raise MissingSettingError("no model is named; give --model or set MODEL_NAME")
    base_url = given.pop("base_url", None) or environ.get("OPENAI_BASE_URL") or environ.get("API_BASE_URL")
    headers: Mapping[str, str] = given.pop("headers", None) or {}
    api_key = environ.get("OPENAI_API_KEY", "").strip()  # a file that it was read from ends with a line break
    if not api_key and not any(each.lower() in _KEY_HEADERS for each in headers):
        raise MissingSettingError("OPENAI_API_KEY is not set; a local server usually takes any value")
    if not (api_key.isascii() and api_key.isprintable()):
        raise MissingSettingError("OPENAI_API_KEY has characters that no header takes; copy the key again")
    if base_url is not None and urlsplit(base_url).scheme not in ("http", "https"):
        raise MissingSettingError(f"the address of the model {base_url!r} must begin with http:// or https://")
    kept = {name: value for name, value in given.items() if value is not None}
    return ModelSettings(model=name, base_url=base_url, api_key=api_key or None, headers=headers, **kept)


class Endpoint:
    """Client of a model endpoint. Close it after the run.

    Args:
        settings: how to reach it.
        rate_limiter: bounds a minute.
        spending: the run's budget.
        price: what tokens cost; None: only the endpoint may know.
        monotonic: a clock for latencies.
        pause: waits between retries.
    """

    def __init__(
        self,
        settings: ModelSettings,
        *,
        rate_limiter: ModelRateLimiter,
        spending: Spending,
        price: Pricing | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.model = settings.model
        self.max_output_tokens = settings.max_output_tokens
        self._settings = settings
        self._rate_limiter = rate_limiter
        self._spending = spending
        self._price = price
        self._monotonic = monotonic
        self._client = ChatClient(
            settings.base_url or _OPENAI_URL,
            headers=_headers(settings),
            timeout_seconds=settings.timeout_seconds,
            max_retries=settings.max_retries,
            pause=pause,
        )
        host = urlsplit(settings.base_url).hostname if settings.base_url else _OPENAI_HOST
        # Most compatible servers know only the older name, OpenAI's newer models only the newer one.
        names = ("max_completion_tokens", "max_tokens")
        self._dialect = Dialect(names if host == _OPENAI_HOST else names[::-1])

    async def close(self) -> None:
        await self._client.close()

    async def ask(
        self,
        messages: list[Message],
        tools: list[dict[str, Any]] | None,
        transcript: ModelTranscript,
        *,
        max_output_tokens: int | None = None,
    ) -> Reply:
        """One reply, within rate limits and budget, with retries.

        Args:
            messages: the whole conversation.
            tools: in OpenAI's form; None: none are offered.
            transcript: records each request, and each that has no reply; the caller records the reply.
            max_output_tokens: bound on the answer; None: the settings'.

        Raises:
            BudgetSpentError: the budget is used up.
            ModelRefusedError: no call of this run will be answered.
            ModelUnreachableError: there is no connection.
            ModelUnavailableError: there is no answer.
            NoToolsError: the endpoint refuses tools.
            ContextTooLongError: the messages do not fit the model.
            AnswerTooLongError: the bound on the answer is too large for the model.
            PromptFilteredError: a filter stopped the messages.
            UnreadableOutputError: the endpoint could not read the model's call.
        """
        self._spending.check()
        sampling = self._sampling(max_output_tokens or self._settings.max_output_tokens)
        asked = estimated_tokens(repr(messages)) + estimated_tokens(repr(tools or ""))
        estimated = asked + sampling.max_output_tokens
        await self._rate_limiter.wait(estimated)
        self._spending.check()  # waiting may have taken long
        refused = NOTHING_USED
        while True:
            request = self._dialect.request(self.model, messages, tools, sampling)
            transcript.asked(request.messages, request.tools, request.parameters)
            started = self._monotonic()
            try:
                answer = await self._client.send(request.body(), request.sent)
            except FailedRequestError as error:
                failed = _own_error(error)
                failed.usage = _used_by(error, failed, self._monotonic() - started)
                transcript.answered(ModelReply(error=str(failed), usage=failed.usage))
                refused += failed.usage
                # What others have found out meanwhile is kept: it is added to the present dialect.
                learnt = self._dialect.after(error.meaning, error.name)
                if learnt is None:
                    failed.usage = refused
                    raise failed from error
                self._dialect = learnt
                continue
            usage = self._used(answer, request, asked, self._monotonic() - started)
            self._spending.add(usage)
            await self._rate_limiter.settle(estimated=estimated, used=usage.input_tokens + usage.output_tokens)
            completion = answer.completion
            return Reply(completion.message, usage, completion.finish_reason, completion.problem, refused)

    def _sampling(self, max_output_tokens: int) -> Sampling:
        settings = self._settings
        return Sampling(
            max_output_tokens=max_output_tokens,
            temperature=settings.temperature,
            reasoning_effort=settings.reasoning_effort,
            extra_body=settings.extra_body,
        )

    def _used(self, answer: Answer, request: Request, asked: int, seconds: float) -> ModelUsage:
        completion = answer.completion
        counted = read_usage(completion.usage)
        tokens_in, tokens_out, guessed = counted.input_tokens, counted.output_tokens, 0
        if tokens_in is None:
            tokens_in = asked
            guessed += tokens_in
        if tokens_out is None:
            tokens_out = estimated_tokens(json.dumps(completion.message))
            guessed += tokens_out
        stated = counted.cost_usd if counted.cost_usd is not None else answer.stated_usd
        return ModelUsage(
            calls=1,
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            cost_usd=self._cost_usd(tokens_in, tokens_out, counted.cached_tokens, stated),
            latency_seconds=seconds,
            retries=answer.retries,
            estimated_tokens=guessed,
            cached_tokens=counted.cached_tokens,
            reasoning_tokens=counted.reasoning_tokens,
            cut_off_turns=completion.is_cut_off,
            filtered_turns=completion.is_filtered,
            refused_turns=completion.is_refused,
            lost_turns=completion.problem is not None,
            altered_calls=request.is_altered,
        )

    def _cost_usd(self, tokens_in: int, tokens_out: int, cached: int, stated: float | None) -> float | None:
        price = self._price
        if stated is not None and (price is None or not price.is_the_users):
            return stated
        if price is None:
            return None
        return price.cost_usd(input_tokens=tokens_in, output_tokens=tokens_out, cached_tokens=cached)


def _headers(settings: ModelSettings) -> dict[str, str]:
    given = {name.lower() for name in settings.headers}
    if settings.api_key is None or given & set(_KEY_HEADERS):
        return dict(settings.headers)
    if "api-version" in parse_qs(
        urlsplit(settings.base_url or "").query
    ):  # Azure's deployments take a key this way only
        return {"api-key": settings.api_key, **settings.headers}
    return {"Authorization": f"Bearer {settings.api_key}", **settings.headers}


_ERRORS: Mapping[Meaning, type[ModelUnavailableError]] = {
    Meaning.KEY: ModelRefusedError,
    Meaning.UNKNOWN_MODEL: ModelRefusedError,
    Meaning.QUOTA: ModelRefusedError,
    Meaning.FILTERED: PromptFilteredError,
    Meaning.TOO_LONG: ContextTooLongError,
    Meaning.ANSWER_TOO_LONG: AnswerTooLongError,
    Meaning.NO_TOOLS: NoToolsError,
}
_WORDS: Mapping[Meaning, str] = {
    Meaning.KEY: "the endpoint refuses the key in OPENAI_API_KEY: ",
    Meaning.UNKNOWN_MODEL: "the endpoint does not know the model, or its address is wrong: ",
    Meaning.QUOTA: "the quota or the balance of the key is used up: ",
    Meaning.FILTERED: "the endpoint's filter stopped the messages: ",
}


def _own_error(error: FailedRequestError) -> ModelUnavailableError:
    """The error that says what follows."""
    text = f"{_WORDS.get(error.meaning, '')}{error}"
    refusal = error.refusal
    if refusal is not None and (error.meaning is Meaning.BAD_OUTPUT or blames_the_output(refusal)):
        return UnreadableOutputError(text, generation=refusal.generation)
    if error.is_unreachable:
        return ModelUnreachableError(text)
    return _ERRORS.get(error.meaning, ModelUnavailableError)(text)


def _used_by(error: FailedRequestError, failed: ModelUnavailableError, seconds: float) -> ModelUsage:
    """What a request without an answer adds to the counts."""
    is_filtered = isinstance(failed, PromptFilteredError)
    return ModelUsage(
        latency_seconds=seconds,
        retries=error.retries,
        filtered_turns=is_filtered,
        lost_turns=is_filtered,
        invalid_replies=isinstance(failed, UnreadableOutputError),
    )
