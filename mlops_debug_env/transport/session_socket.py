"""The WebSocket of a session: one response for each request, with reconnects.

Rules: 1. One question at a time. 2. A socket on which an answer is missing is thrown away, so that no late answer
is ever taken for another one's. 3. A session that a newer client has taken over is never taken back.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Mapping

from pydantic_core import from_json, to_json
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from mlops_debug_env.protocol.errors import (
    AnswerTimeoutError,
    MlopsDebugError,
    ProtocolError,
    ServerUnreachableError,
    SessionTakenOverError,
    frame_error,
    problem_error,
)
from mlops_debug_env.protocol.scalars import to_encodable
from mlops_debug_env.transport.belonging import Belonging
from mlops_debug_env.transport.retry import Retrying, read_retry_after
from mlops_debug_env.transport.url import Address, redirected

MAX_ANSWER_BYTES = 16 * 2**20
CLOSE_SECONDS = 2.0
_SERVER_SIDE = (429, 500, 502, 503, 504)


class _Connect(connect):
    """Follows no redirect: see `redirected`."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class SessionSocket:
    """Sends requests over a socket that is opened on demand."""

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
        self._connection: ClientConnection | None = None
        self._turn = asyncio.Lock()
        self._is_taken_over = False

    async def ask(self, frame: Mapping[str, Any]) -> dict[str, Any]:
        """Send a frame; returns the data of the answer. The frame must be idempotent, because it may be sent more than once.

        Raises:
            MlopsDebugError: the server refused it, or could not be asked.
        """
        text = to_json(frame, fallback=to_encodable).decode()
        self._belonging.check()
        async with self._turn:
            return await self._retrying.run(lambda: self._ask_once(text))

    async def close(self) -> None:
        """Close the socket; the episode stays as it is."""
        connection, self._connection = self._connection, None
        if connection is not None and self._belonging.is_here():
            await connection.close()

    async def _ask_once(self, text: str) -> dict[str, Any]:
        if self._is_taken_over:
            raise SessionTakenOverError(self._address.session_key)
        connection = self._connection or await self._connect()
        try:
            return await self._exchange(connection, text)
        except MlopsDebugError as error:
            if isinstance(error, SessionTakenOverError | AnswerTimeoutError | ServerUnreachableError | ProtocolError):
                self._abort()
            raise
        except BaseException:  # cancelled between request and response
            self._abort()
            raise

    async def _exchange(self, connection: ClientConnection, text: str) -> dict[str, Any]:
        url = self._address.http_url
        try:
            async with asyncio.timeout(self._timeout_seconds):
                try:
                    await connection.send(text)
                except ConnectionClosed:
                    # Frames received before the close, for example about a takeover, can still be read.
                    return self._read(await connection.recv(decode=False))
                return self._read(await connection.recv(decode=False))
        except ConnectionClosed as error:
            raise ServerUnreachableError(url, "The connection to the server was lost") from error
        except TimeoutError as error:
            detail = f"The server did not answer within {self._timeout_seconds:g} s"
            raise AnswerTimeoutError(url, detail) from error

    def _read(self, frame: bytes) -> dict[str, Any]:
        try:
            answer = from_json(frame)
            kind, data = answer["type"], answer["data"]
        except (ValueError, KeyError, TypeError):
            kind = data = None
        if not isinstance(data, dict):
            raise ProtocolError(f"{self._address.http_url} answered with what is no frame; is it this server?")
        if kind != "error":
            return data
        if data.get("code") == "SESSION_ERROR":
            self._is_taken_over = True
            raise SessionTakenOverError(self._address.session_key)
        problem = frame_error(data)
        if problem.code == "too_many_sockets":
            self._abort()  # the server is about to close it
        raise problem

    async def _connect(self) -> ClientConnection:
        url = self._address.http_url
        try:
            self._connection = await _Connect(
                self._address.socket_url,
                additional_headers=self._headers,
                user_agent_header=None,
                compression=None,  # answers are small and mostly local: packing costs more than it saves
                open_timeout=self._timeout_seconds,
                close_timeout=CLOSE_SECONDS,
                max_size=MAX_ANSWER_BYTES,
                proxy=None if self._address.is_loopback else True,
            )
        except InvalidStatus as error:
            raise self._refused(error) from error
        except TimeoutError as error:
            raise AnswerTimeoutError(url, f"No connection within {self._timeout_seconds:g} s") from error
        except (OSError, InvalidHandshake, EOFError) as error:
            raise ServerUnreachableError(url, f"No connection to the server: {_reason(error)}") from error
        except InvalidURI as error:
            raise ProtocolError(f"{url} cannot be connected to: {error}") from error
        return self._connection

    def _refused(self, error: InvalidStatus) -> MlopsDebugError:
        """The error for a handshake that was answered with something else."""
        response, url = error.response, self._address.http_url
        status = response.status_code
        wait = read_retry_after(response.headers.get("Retry-After"), now=datetime.now(UTC))
        try:
            problem = from_json(response.body or b"")
        except ValueError:
            problem = None
        if isinstance(problem, dict) and "code" in problem:
            return problem_error(problem, retry_after_seconds=wait)
        if status in (401, 403, 429, 503):
            answer = {"status": status, "code": f"http_{status}", "detail": f"{url} refused the connection"}
            return problem_error(answer, retry_after_seconds=wait)
        if 300 <= status < 400:
            return ProtocolError(redirected(url, response.headers.get("Location")))
        if status in _SERVER_SIDE:
            return ServerUnreachableError(url, f"The server answered with status {status}")
        return ProtocolError(
            f"{url} does not serve this environment (status {status}); check host, port and path of the base URL."
        )

    def _abort(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # A closing handshake would wait for a peer that may be gone.
            connection.transport.abort()


def _reason(error: BaseException) -> str:
    """The message of the operating system, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
