"""Sends requests to a Chat Completions endpoint, and sends them again after what passes: a 429, a 5xx, a time-out, a torn answer.

``openai`` takes over a second to import: it is imported by the first client, not by what only reads what a model answered.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import httpx2

from mlops_debug_env.agents.llm.completions import (
    Completion,
    ErrorInAnswerError,
    NoCompletionError,
    read_completion,
)
from mlops_debug_env.agents.llm.json_text import encodable
from mlops_debug_env.agents.llm.refusals import Meaning, Refusal, Sent, meaning_of, read_refusal, refusal_of
from mlops_debug_env.transport.url import is_loopback
from mlops_debug_env.version import VERSION

if TYPE_CHECKING:
    import openai

FIRST_DELAY_SECONDS = 0.5
MAX_DELAY_SECONDS = 8.0
MAX_RETRY_AFTER_SECONDS = 120.0
"""A longer wait that an endpoint asks for is not kept: the request is sent again as if it had asked for none."""
_CONNECT_SECONDS = 10.0


class Answer(NamedTuple):
    """An answer and what it took."""

    completion: Completion
    retries: int
    """Requests that were sent again."""
    stated_usd: float | None
    """The price that a proxy states in a header."""


class FailedRequestError(Exception):
    """A request got no answer.

    Args:
        message: why, in one line.
        refusal: the endpoint's error; None: none came.
        meaning: of the error, and the parameter or member that it is about.
        retries: how often the request was sent again.
        is_unreachable: whether there was no connection.
    """

    def __init__(
        self,
        message: str,
        *,
        refusal: Refusal | None = None,
        meaning: tuple[Meaning, str] = (Meaning.BUSY, ""),
        retries: int = 0,
        is_unreachable: bool = False,
    ) -> None:
        super().__init__(message)
        self.refusal = refusal
        self.meaning, self.name = meaning
        self.retries = retries
        self.is_unreachable = is_unreachable


class ChatClient:
    """One endpoint. Close it after use.

    Args:
        base_url: where ``/chat/completions`` is; a query, such as ``?api-version=``, is sent with each request.
        headers: of each request.
        timeout_seconds: for one answer, from its first byte sent to its last received.
        max_retries: of one request.
        pause: waits between retries.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str],
        timeout_seconds: float,
        max_retries: int,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        import openai

        self._url = completions_url(base_url)
        self._timeout_seconds = timeout_seconds
        self._max_retries = max_retries
        self._pause = pause
        given = {"Content-Type": "application/json", "User-Agent": f"mlops-debug-env/{VERSION}", **headers}
        self._http = httpx2.AsyncClient(
            timeout=httpx2.Timeout(None, connect=min(_CONNECT_SECONDS, timeout_seconds)),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=100),
            follow_redirects=True,
            # A proxy does not see a server on this machine.
            trust_env=not is_loopback(urlsplit(self._url).hostname or ""),
        )
        # Its own retries go by status alone, and the key may be in another header than the one that it sets.
        has_authorization = any(name.lower() == "authorization" for name in headers)
        self._options: openai.RequestOptions = (
            {} if has_authorization else {"headers": {"Authorization": openai.Omit()}}
        )
        self._openai = openai.AsyncOpenAI(
            api_key="in the headers",
            base_url=self._url,
            timeout=self._http.timeout,
            max_retries=0,
            http_client=self._http,
            default_headers=given,
        )

    async def close(self) -> None:
        await self._openai.close()

    async def send(self, body: Mapping[str, Any], sent: Sent) -> Answer:
        """The answer to a request.

        Raises:
            FailedRequestError: there is none, after all retries.
        """
        content = encodable(json.dumps(body, ensure_ascii=False)).encode()
        for retry in range(self._max_retries + 1):
            try:
                completion, stated = await self._send_once(content, sent)
            except FailedRequestError as error:
                if retry == self._max_retries or not _may_pass(error):
                    error.retries = retry
                    raise
                await self._pause(_seconds_before(retry, error.refusal))
            else:
                return Answer(completion, retry, stated)
        raise AssertionError("the last retry returns or raises")

    async def _send_once(self, content: bytes, sent: Sent) -> tuple[Completion, float | None]:
        import openai

        try:
            async with asyncio.timeout(self._timeout_seconds):
                response = await self._openai.post(
                    self._url, cast_to=httpx2.Response, content=content, options=self._options
                )
        except TimeoutError as error:
            raise FailedRequestError("the model did not answer in time") from error
        except openai.APIStatusError as error:
            response = error.response
        except openai.APIConnectionError as error:
            raise _not_answered(error.__cause__ or error) from error
        except (httpx2.InvalidURL, httpx2.RequestError) as error:  # also where a body cannot be unpacked
            raise _not_answered(error) from error
        text = response.content.decode(errors="replace")
        if response.request.method != "POST":  # a redirect that changes the method loses the request
            raise _refused(Refusal(status=404, text=f"it redirects to {response.url}; give that as --base-url"), Sent())
        if not response.is_success:
            raise _refused(read_refusal(response.status_code, text, response.headers), sent)
        try:
            return read_completion(text), _stated_usd(response.headers)
        except ErrorInAnswerError as error:
            raise _refused(refusal_of(200, error.body, response.headers), sent) from error
        except NoCompletionError as error:
            raise FailedRequestError(str(error)) from error


def completions_url(base_url: str) -> str:
    """The address of the completions, with the query of the base URL."""
    parts = urlsplit(base_url.strip())
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return urlunsplit((parts.scheme, parts.netloc, f"{path}/chat/completions", parts.query, ""))


def _not_answered(error: BaseException) -> FailedRequestError:
    """The error for a connection that was not made, or was lost."""
    if isinstance(error, (httpx2.InvalidURL, httpx2.TooManyRedirects, httpx2.UnsupportedProtocol)):
        return _refused(Refusal(status=404, text=_reason(error)), Sent())
    if isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout)):
        return FailedRequestError(f"the endpoint cannot be reached: {_reason(error)}", is_unreachable=True)
    return FailedRequestError(f"the connection to the endpoint was lost: {_reason(error)}")


def _refused(refusal: Refusal, sent: Sent) -> FailedRequestError:
    return FailedRequestError(refusal.text, refusal=refusal, meaning=meaning_of(refusal, sent))


def _may_pass(error: FailedRequestError) -> bool:
    """Whether the same request may be answered later."""
    told = error.refusal.may_retry if error.refusal is not None else None
    return error.meaning is Meaning.BUSY and told is not False


def _seconds_before(retry: int, refusal: Refusal | None) -> float:
    wanted = refusal.wait_seconds if refusal is not None else None
    if wanted is not None and 0 < wanted <= MAX_RETRY_AFTER_SECONDS:
        return wanted
    full: float = min(FIRST_DELAY_SECONDS * 2**retry, MAX_DELAY_SECONDS)
    return full * (1 - 0.25 * random.random())


def _stated_usd(headers: Mapping[str, str]) -> float | None:
    try:
        stated = float(headers.get("x-litellm-response-cost", ""))
    except ValueError:
        return None
    return stated if 0 <= stated < float("inf") else None


def _reason(error: BaseException) -> str:
    return " ".join(str(error.__cause__ or error).split()) or type(error).__name__
