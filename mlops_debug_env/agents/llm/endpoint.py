"""One OpenAI-compatible endpoint, shared by all episodes of a run: client, rate limits, budget, and differences between servers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable
from urllib.parse import urlsplit

import openai
from openai.types.chat import ChatCompletion, ChatCompletionMessage

from mlops_debug_env.agents.llm.chat_history import Message, estimated_tokens
from mlops_debug_env.agents.llm.limits import ModelRateLimiter, Spending
from mlops_debug_env.agents.llm.prices import Price
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
        self._limit_name = "max_completion_tokens" if host == _OPENAI_HOST else "max_tokens"

    async def close(self) -> None:
        await self._client.close()

    async def ask(self, messages: list[Message], tools: list[dict[str, Any]] | None) -> Reply:
        """One reply, within rate limits and budget, with retries.

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
        completion, retries = await self._complete(messages, tools)
        if not completion.choices:
            raise ModelUnavailableError("the endpoint answered without a choice")
        usage = self._used(completion, asked, retries, self._monotonic() - started)
        self._spending.add(usage)
        await self._rate_limiter.settle(estimated=estimated, used=usage.input_tokens + usage.output_tokens)
        return Reply(completion.choices[0].message, usage)

    async def _complete(
        self, messages: list[Message], tools: list[dict[str, Any]] | None
    ) -> tuple[ChatCompletion, int]:
        try:
            return await self._send(messages, tools)
        except openai.BadRequestError as error:
            text = str(error).lower()
            if "max_tokens" in text or "max_completion_tokens" in text:
                self._limit_name = "max_tokens" if "max_completion" in self._limit_name else "max_completion_tokens"
                return await self._send_again(messages, tools)
            if tools and ("tool" in text or "function" in text):
                raise NoToolsError(_error_text(error)) from error
            if "context" in text or "too long" in text or "maximum" in text:
                raise ContextTooLongError(_error_text(error)) from error
            raise ModelUnavailableError(_error_text(error)) from error
        except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError) as error:
            raise ModelRefusedError(_error_text(error)) from error
        except openai.APITimeoutError as error:
            raise ModelUnavailableError(_error_text(error)) from error
        except openai.APIConnectionError as error:
            raise ModelUnreachableError(_error_text(error)) from error
        except openai.OpenAIError as error:
            raise ModelUnavailableError(_error_text(error)) from error

    async def _send_again(
        self, messages: list[Message], tools: list[dict[str, Any]] | None
    ) -> tuple[ChatCompletion, int]:
        try:
            return await self._send(messages, tools)
        except openai.OpenAIError as error:
            raise ModelUnavailableError(_error_text(error)) from error

    async def _send(self, messages: list[Message], tools: list[dict[str, Any]] | None) -> tuple[ChatCompletion, int]:
        body: dict[str, Any] = {
            "model": self.model,
            "messages": messages,
            self._limit_name: self._settings.max_output_tokens,
            **({"tools": tools} if tools else {}),
        }
        if self._settings.temperature is not None:
            body["temperature"] = self._settings.temperature
        retries = 0
        for torn in range(self._settings.max_retries + 1):
            raw = await self._client.chat.completions.with_raw_response.create(**body)
            retries += raw.retries_taken
            try:
                completion: object = raw.parse()
            except ValueError:
                continue  # truncated; the openai client does not retry that
            if isinstance(completion, ChatCompletion):
                return completion, retries + torn
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


def _error_text(error: openai.OpenAIError) -> str:
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


def _one_line(error: openai.OpenAIError) -> str:
    return " ".join(str(error).split())[:300]
