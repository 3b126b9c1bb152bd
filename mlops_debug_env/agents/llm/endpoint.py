"""One OpenAI-compatible endpoint, shared by all episodes of a run: client, rate limits, budget, and differences between servers."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable
from urllib.parse import urlsplit

import openai
from openai.types.chat import ChatCompletion, ChatCompletionMessage

from mlops_debug_env.agents.llm.chat_history import Message, estimated_tokens
from mlops_debug_env.agents.llm.dialect import Dialect, refused_parameter
from mlops_debug_env.agents.llm.limits import ModelRateLimiter, Spending
from mlops_debug_env.agents.llm.prices import Price
from mlops_debug_env.agents.llm.transcript import ModelReply, ModelTranscript
from mlops_debug_env.agents.llm.usage import ModelUsage

_OPENAI_HOST = "api.openai.com"


class MissingSettingError(ValueError):
    """A setting that the model needs is missing."""


class ModelUnavailableError(Exception):
    """The endpoint gave no answer, after all retries."""


class ModelUnreachableError(ModelUnavailableError):
    """No connection to the endpoint, after all retries."""


class ModelRefusedError(ModelUnavailableError):
    """The endpoint refuses the key or does not know the model; no retry would help."""


class NoToolsError(ModelUnavailableError):
    """The endpoint refuses tools."""


class ContextTooLongError(ModelUnavailableError):
    """The endpoint reports that the messages are too long for the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """Connection and sampling settings of a model."""

    model: str
    base_url: str | None = None
    """None: OpenAI's own."""
    api_key: str
    timeout_seconds: float = 120.0
    max_retries: int = 6
    """Of one call, on 429, 5xx, time-outs and broken connections; the openai client waits as ``Retry-After`` says."""
    max_output_tokens: int = 2048
    temperature: float | None = None
    """None: the model's own."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of a model."""

    message: ChatCompletionMessage
    usage: ModelUsage
    finish_reason: str | None
    sent_message: dict[str, Any]
    """The message as the endpoint sent it, unknown parts included."""


def read_model_settings(environ: Mapping[str, str], *, model: str | None, **given: Any) -> ModelSettings:
    """The settings of an environment; what is given and not None wins.

    Raises:
        MissingSettingError: there is no model name or no key.
    """
    name = model or environ.get("MODEL_NAME")
    if not name:
        raise MissingSettingError("no model is named; give --model or set MODEL_NAME")
    api_key = environ.get("OPENAI_API_KEY")
    if not api_key:
        raise MissingSettingError("OPENAI_API_KEY is not set; a local server usually takes any value")
    base_url = given.pop("base_url", None) or environ.get("OPENAI_BASE_URL") or environ.get("API_BASE_URL")
    kept = {name: value for name, value in given.items() if value is not None}
    return ModelSettings(model=name, base_url=base_url, api_key=api_key, **kept)


class Endpoint:
    """Client of a model endpoint. Close it after the run.

    Args:
        settings: how to reach it.
        rate_limiter: bounds a minute.
        spending: the run's budget.
        price: what tokens cost; None: not known.
        monotonic: a clock for latencies.
    """

    def __init__(
        self,
        settings: ModelSettings,
        *,
        rate_limiter: ModelRateLimiter,
        spending: Spending,
        price: Price | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.model = settings.model
        self._settings = settings
        self._rate_limiter = rate_limiter
        self._spending = spending
        self._price = price
        self._monotonic = monotonic
        self._client = openai.AsyncOpenAI(
            api_key=settings.api_key,
            base_url=settings.base_url,
            timeout=settings.timeout_seconds,
            max_retries=settings.max_retries,
        )
        host = urlsplit(settings.base_url).hostname if settings.base_url else _OPENAI_HOST
        # Most compatible servers know only the older name, OpenAI's newer models only the newer one.
        names = ("max_completion_tokens", "max_tokens")
        self._dialect = Dialect(names if host == _OPENAI_HOST else names[::-1])

    async def close(self) -> None:
        await self._client.close()

    async def ask(
        self, messages: list[Message], tools: list[dict[str, Any]] | None, transcript: ModelTranscript
    ) -> Reply:
        """One reply, within rate limits and budget, with retries.

        Args:
            messages: the whole conversation.
            tools: in OpenAI's form; None: none are offered.
            transcript: records each request, and each that has no reply; the caller records the reply.

        Raises:
            BudgetSpentError: the budget is used up.
            ModelRefusedError: no call of this run will be answered.
            ModelUnreachableError: there is no connection.
            ModelUnavailableError: there is no answer.
            NoToolsError: the endpoint refuses tools.
            ContextTooLongError: the messages do not fit the model.
        """
        self._spending.check()
        asked = estimated_tokens(repr(messages)) + estimated_tokens(repr(tools or ""))
        estimated = asked + self._settings.max_output_tokens
        await self._rate_limiter.wait(estimated)
        self._spending.check()  # waiting may have taken long
        started = self._monotonic()
        answer = await self._complete(messages, tools, transcript)
        choice = answer.completion.choices[0]
        usage = self._used(answer.completion, asked, answer.retries, self._monotonic() - started)
        self._spending.add(usage)
        await self._rate_limiter.settle(estimated=estimated, used=usage.input_tokens + usage.output_tokens)
        return Reply(choice.message, usage, choice.finish_reason, answer.sent_message)

    async def _complete(
        self, messages: list[Message], tools: list[dict[str, Any]] | None, transcript: ModelTranscript
    ) -> _Answer:
        while True:
            parameters = self._dialect.parameters(
                max_output_tokens=self._settings.max_output_tokens, temperature=self._settings.temperature
            )
            transcript.asked(messages, tools, {"model": self.model, **parameters})
            started = self._monotonic()
            try:
                return await self._send(messages, tools, parameters)
            except (openai.OpenAIError, ModelUnavailableError) as error:
                used = ModelUsage(latency_seconds=self._monotonic() - started, retries=_retries_of(error))
                transcript.answered(ModelReply(error=_error_text(error), usage=used))
                refused = refused_parameter(error, parameters) if isinstance(error, openai.BadRequestError) else None
                if refused is None:
                    raise _to_own_error(error, has_tools=bool(tools)) from error
                self._dialect = self._dialect.without(refused)

    async def _send(
        self, messages: list[Message], tools: list[dict[str, Any]] | None, parameters: Mapping[str, Any]
    ) -> _Answer:
        body: dict[str, Any] = {
            "model": self.model,
            "messages": messages,
            **({"tools": tools} if tools else {}),
            **parameters,
        }
        retries = 0
        for torn in range(self._settings.max_retries + 1):
            raw = await self._client.chat.completions.with_raw_response.create(**body)
            retries += raw.retries_taken
            try:
                completion: object = raw.parse()
                sent: Any = json.loads(raw.text)
            except ValueError:
                continue  # truncated; the openai client does not retry that
            if isinstance(completion, ChatCompletion):
                if not completion.choices or not isinstance(completion.choices[0].message, ChatCompletionMessage):
                    raise ModelUnavailableError("the endpoint answered without a choice")
                return _Answer(completion, sent["choices"][0]["message"], retries + torn)
            break
        raise ModelUnavailableError("the endpoint answered with something that is no chat completion")

    def _used(self, completion: ChatCompletion, asked: int, retries: int, seconds: float) -> ModelUsage:
        counted = completion.usage
        if counted is not None:
            tokens_in, tokens_out, guessed = counted.prompt_tokens, counted.completion_tokens, 0
        else:
            answer = completion.choices[0].message
            tokens_in, tokens_out = asked, estimated_tokens(answer.model_dump_json())
            guessed = tokens_in + tokens_out
        price = self._price
        return ModelUsage(
            calls=1,
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            cost_usd=None if price is None else price.cost_usd(input_tokens=tokens_in, output_tokens=tokens_out),
            latency_seconds=seconds,
            retries=retries,
            estimated_tokens=guessed,
        )


@dataclass(frozen=True, slots=True)
class _Answer:
    completion: ChatCompletion
    sent_message: dict[str, Any]
    retries: int


def _to_own_error(error: openai.OpenAIError | ModelUnavailableError, *, has_tools: bool) -> ModelUnavailableError:
    """The error that says what follows from the client's."""
    if isinstance(error, ModelUnavailableError):
        return error
    text = str(error).lower()
    if isinstance(error, openai.BadRequestError):
        if has_tools and ("tool" in text or "function" in text):
            return NoToolsError(_error_text(error))
        if "context" in text or "too long" in text or "maximum" in text:
            return ContextTooLongError(_error_text(error))
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError | openai.NotFoundError):
        return ModelRefusedError(_error_text(error))
    if isinstance(error, openai.APIConnectionError) and not isinstance(error, openai.APITimeoutError):
        return ModelUnreachableError(_error_text(error))
    return ModelUnavailableError(_error_text(error))


def _retries_of(error: Exception) -> int:
    """How often the openai client had sent the request again when it gave up."""
    request = getattr(error, "request", None)
    return int(request.headers.get("x-stainless-retry-count", 0)) if request is not None else 0


def _error_text(error: openai.OpenAIError | ModelUnavailableError) -> str:
    """The error in one line."""
    if isinstance(error, openai.APITimeoutError):
        return "the model did not answer in time"
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return f"the endpoint refuses the key in OPENAI_API_KEY: {_one_line(error)}"
    if isinstance(error, openai.NotFoundError):
        return f"the endpoint does not know the model, or its address is wrong: {_one_line(error)}"
    if isinstance(error, openai.APIConnectionError):
        return f"the endpoint cannot be reached: {error.__cause__ or error}"
    return _one_line(error)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
