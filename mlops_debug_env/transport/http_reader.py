"""GET requests: tasks, schemas, health, rounds, and the events of an episode."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Mapping

import httpx2
from pydantic import TypeAdapter, ValidationError

from mlops_debug_env.protocol.errors import AnswerTimeoutError, ProtocolError, ServerUnreachableError, problem_error
from mlops_debug_env.protocol.observations import Task
from mlops_debug_env.transport.belonging import Belonging
from mlops_debug_env.transport.retry import Retrying, read_retry_after
from mlops_debug_env.transport.url import Address, check_name, redirected

_TASKS: TypeAdapter[tuple[Task, ...]] = TypeAdapter(tuple[Task, ...])


class HttpReader:
    """Sends GET requests over one connection pool, which is opened by the first."""

    def __init__(
        self,
        address: Address,
        *,
        headers: Mapping[str, str],
        timeout_seconds: float,
        retrying: Retrying,
        belonging: Belonging | None = None,
    ) -> None:
        self._address = address
        self._belonging = belonging or Belonging()
        self._headers = dict(headers)
        self._timeout_seconds = timeout_seconds
        self._retrying = retrying
        self._http: httpx2.AsyncClient | None = None

    async def tasks(self) -> tuple[Task, ...]:
        answer = await self.get("/tasks")
        try:
            return _TASKS.validate_python(answer["tasks"])
        except (ValidationError, KeyError, TypeError) as error:
            raise self._unreadable("/tasks") from error

    async def schema(self) -> dict[str, Any]:
        return await self._object("/schema")

    async def health(self) -> dict[str, Any]:
        return await self._object("/health")

    async def rounds(self) -> list[dict[str, Any]]:
        answer = await self._object("/rounds")
        found = answer.get("rounds")
        if not isinstance(found, list):
            raise self._unreadable("/rounds")
        return found

    async def events(self, episode_id: str) -> list[dict[str, Any]]:
        answer = await self.get(f"/episodes/{check_name(episode_id, 'episode id')}/events")
        if not isinstance(answer, list):
            raise self._unreadable("/episodes/…/events")
        return answer

    async def get(self, path: str) -> Any:
        """The JSON of a resource.

        Raises:
            MlopsDebugError: the server refused, could not be asked, or answered with something else.
        """
        self._belonging.check()
        return await self._retrying.run(lambda: self._get_once(path))

    async def close(self) -> None:
        http, self._http = self._http, None
        if http is not None and self._belonging.is_here():
            await http.aclose()

    async def _object(self, path: str) -> dict[str, Any]:
        answer = await self.get(path)
        if not isinstance(answer, dict):
            raise self._unreadable(path)
        return answer

    def _unreadable(self, path: str) -> ProtocolError:
        return ProtocolError(f"{self._address.http_url}{path} has another shape than this client reads.")

    async def _get_once(self, path: str) -> Any:
        if self._http is None:
            self._http = httpx2.AsyncClient(
                headers=self._headers,
                timeout=self._timeout_seconds,
                verify=self._address.is_secure,  # loading certificates takes longer than a request
                follow_redirects=False,  # see `redirected`
                trust_env=not self._address.is_loopback,
            )
        url = self._address.http_url + path
        try:
            response = await self._http.get(url)
        except httpx2.TimeoutException as error:
            raise AnswerTimeoutError(url, f"The server did not answer within {self._timeout_seconds:g} s") from error
        except httpx2.TransportError as error:
            raise ServerUnreachableError(
                url, f"No connection to the server: {error or type(error).__name__}"
            ) from error
        return self._read(response)

    def _read(self, response: httpx2.Response) -> Any:
        if response.is_redirect:
            raise ProtocolError(redirected(str(response.url), response.headers.get("Location")))
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if response.is_success and answer is not None:
            return answer
        wait = read_retry_after(response.headers.get("Retry-After"), now=datetime.now(UTC))
        if isinstance(answer, dict) and "code" in answer:
            raise problem_error(answer, retry_after_seconds=wait)
        if response.status_code in (401, 403, 429, 503):
            detail = f"{response.url} answered with status {response.status_code}"
            status = response.status_code
            raise problem_error(
                {"status": status, "code": f"http_{status}", "detail": detail}, retry_after_seconds=wait
            )
        raise ProtocolError(
            f"{response.url} does not serve this environment (status {response.status_code}); "
            "check host, port and path of the base URL."
        )
