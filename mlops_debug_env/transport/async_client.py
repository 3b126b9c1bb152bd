"""The asynchronous client: one episode at a time, in a session that survives lost connections and restarts of the server."""

from __future__ import annotations

import secrets
from types import TracebackType
from typing import Any, Mapping, Self

from pydantic import ValidationError

from mlops_debug_env.protocol.actions import Action, parse_action
from mlops_debug_env.protocol.errors import InvalidAddressError, ProtocolError
from mlops_debug_env.protocol.observations import EpisodeState, StepResult, Task, parse_result
from mlops_debug_env.protocol.types import Control, InvalidActions, RewardMode, TaskId
from mlops_debug_env.transport.belonging import Belonging
from mlops_debug_env.transport.http_reader import HttpReader
from mlops_debug_env.transport.retry import Retrying
from mlops_debug_env.transport.session_socket import SessionSocket
from mlops_debug_env.transport.url import check_name, parse_address
from mlops_debug_env.version import VERSION

DEFAULT_URL = "http://127.0.0.1:7860"


class DebugClient:
    """Plays episodes. All requests are idempotent, and are retried if the answer was lost.

    Args:
        base_url: Where the server is, for example ``http://127.0.0.1:7860``; a path, a port, https and
            ``/sessions/<key>`` are understood.
        session_key: Name under which the server knows this client; None: a random, unguessable one. With the key of
            an earlier client, `step` goes on in the episode that was played there.
        api_key: Sent as a bearer token; none: the server asks for none.
        timeout_seconds: How long one answer may take.
        max_retries: How often the same is sent again after no answer came or the server was busy.
        retrying: Replaces max_retries and the waiting in between.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        session_key: str | None = None,
        api_key: str | None = None,
        timeout_seconds: float = 30.0,
        max_retries: int = 5,
        retrying: Retrying | None = None,
    ) -> None:
        if timeout_seconds <= 0 or max_retries < 0:
            raise ValueError("timeout_seconds must be above 0, and max_retries 0 or more")
        self._address = parse_address(base_url, session_key=session_key, fresh_key=secrets.token_hex(16))
        self._given: dict[str, Any] = {
            "api_key": api_key,
            "timeout_seconds": timeout_seconds,
            "max_retries": max_retries,
        }
        self._given |= {} if retrying is None else {"retrying": retrying}
        self._belonging = Belonging()
        used: dict[str, Any] = {
            "headers": _headers(api_key),
            "timeout_seconds": timeout_seconds,
            "retrying": retrying or Retrying(max_retries=max_retries),
            "belonging": self._belonging,
        }
        self._socket = SessionSocket(self._address, **used)
        self._reader = HttpReader(self._address, **used)
        self._episode_id: str | None = None
        self._sends_invalid_actions = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickle has address, session and key, and no connection; a copy plays in the same session."""
        return make_client, (type(self), self.base_url, self.arguments())

    def arguments(self) -> dict[str, Any]:
        """What another client on the same session is made with, beside the base URL. Has the API key."""
        return {"session_key": self.session_key, **self._given}

    @property
    def base_url(self) -> str:
        """The URL of the server, without the session."""
        return self._address.http_url

    @property
    def session_key(self) -> str:
        """The session key. A later client with it continues the episode. Without API keys it is a secret."""
        return self._address.session_key

    @property
    def episode_id(self) -> str | None:
        """The episode of the latest answer; None: there was none."""
        return self._episode_id

    async def reset(
        self,
        *,
        task_id: TaskId | None = None,
        seed: int | None = None,
        episode_id: str | None = None,
        agent: str | None = None,
        reward_mode: RewardMode | None = None,
        resume: bool | None = None,
        control: Control | None = None,
        invalid_actions: InvalidActions | None = None,
        **further: Any,
    ) -> StepResult:
        """Begin an episode; an open one of this session is closed.

        Args:
            task_id: The task; none: easy.
            seed: Fixes the scenario; none: the server draws one.
            episode_id: Name of the episode; None: a random, unguessable one.
            agent: Name to record.
            reward_mode: ``shaped`` or ``sparse``; none: shaped.
            resume: Whether to take up the named episode where it is, if it exists.
            control: Whom the tools of MCP serve in the episode, ``agent`` or ``client``; none: an agent.
            invalid_actions: What an action that does not fit the schema is, an ``error`` or a ``step``; none: an error.
            further: Passed on as they are, for example what a ranked round asks for.

        Returns:
            The result whose observation is a `ResetObservation`.
        """
        # A generated name makes the reset idempotent.
        name = check_name(episode_id or f"ep-{secrets.token_hex(16)}", "episode id")
        given = {
            "task_id": task_id,
            "seed": seed,
            "episode_id": name,
            "agent": agent,
            "reward_mode": reward_mode,
            "resume": resume,
            "control": control,
            "invalid_actions": invalid_actions,
            **further,
        }
        data = {key: value for key, value in given.items() if value is not None}
        begun = self._result(await self._socket.ask({"type": "reset", "data": data}))
        self._sends_invalid_actions = invalid_actions == "step"
        return begun

    async def step(self, action: Action | Mapping[str, Any], *, request_id: str | None = None) -> StepResult:
        """Take one step. It is recorded once, also if it is retried.

        Args:
            action: A typed action, or its wire form.
            request_id: Name of the step, to send it again from another process; none: the action's own, or a new one.

        Raises:
            pydantic.ValidationError: the action does not fit the schema; nothing was sent. After a reset of this client with
                ``invalid_actions="step"`` a wire form is sent as it is, and is a step.
        """
        data = self._to_wire(action)
        metadata = data["metadata"] if isinstance(data.get("metadata"), Mapping) else {}
        named = request_id or metadata.get("request_id") or f"rq-{secrets.token_hex(16)}"
        data["metadata"] = {**metadata, "request_id": check_name(named, "request id")}
        return self._result(await self._socket.ask({"type": "step", "data": data}))

    def _to_wire(self, action: Action | Mapping[str, Any]) -> dict[str, Any]:
        try:
            return parse_action(action).to_wire()
        except ValidationError:
            if not self._sends_invalid_actions or not isinstance(action, Mapping):
                raise
            return dict(action)

    async def state(self) -> EpisodeState:
        """The state of the session's episode."""
        return self._state(await self._socket.ask({"type": "state"}))

    async def abandon(self) -> EpisodeState:
        """End the session's open episode without a diagnosis, which scores least; an ended one stays as it is.

        Returns:
            The state of the ended episode.
        """
        return self._state(await self._socket.ask({"type": "abandon"}))

    def _state(self, answer: dict[str, Any]) -> EpisodeState:
        try:
            state = EpisodeState.model_validate(answer)
        except ValidationError as error:
            raise _unreadable(error) from error
        self._episode_id = state.episode_id
        return state

    async def tasks(self) -> tuple[Task, ...]:
        """The tasks."""
        return await self._reader.tasks()

    async def schema(self) -> dict[str, Any]:
        """The JSON Schemas of actions, observations and state, and the registry of fields."""
        return await self._reader.schema()

    async def health(self) -> dict[str, Any]:
        """Whether the server answers, and its version."""
        return await self._reader.health()

    async def rounds(self) -> list[dict[str, Any]]:
        """The ranked rounds, the newest first."""
        return await self._reader.rounds()

    async def events(self, episode_id: str | None = None) -> list[dict[str, Any]]:
        """The events of an episode; by default the session's."""
        named = episode_id or self._episode_id
        if named is None:
            raise InvalidAddressError("No episode was begun here; name one, or send a reset first.")
        return await self._reader.events(named)

    async def share_transcript(self, transcript: Mapping[str, Any]) -> None:
        """Share the transcript of the model in the session's running episode: the episode's page shows it after the end; it is not graded.

        Args:
            transcript: ``{"model": …, "replies": [{"step": 1, "text": …, "reasoning": …, "calls": […], "problem": …}]}``.
        """
        if self._episode_id is None:
            raise InvalidAddressError("No episode was begun here; send a reset first.")
        await self._reader.share_transcript(self._episode_id, transcript)

    async def close(self) -> None:
        """Close the connections. The episode stays as it is."""
        await self._socket.close()
        await self._reader.close()
        self._belonging.end()

    def _result(self, answer: dict[str, Any]) -> StepResult:
        try:
            result = parse_result(answer)
        except (ValidationError, KeyError, TypeError) as error:
            raise _unreadable(error) from error
        self._episode_id = result.info.episode_id
        return result


def make_client(kind: type[Any], base_url: str, given: dict[str, Any]) -> Any:
    """The client of a pickle."""
    return kind(base_url, **given)


def _headers(api_key: str | None) -> dict[str, str]:
    headers = {"User-Agent": f"mlops-debug-env/{VERSION}"}
    if api_key is None:
        return headers
    if not api_key or not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        raise InvalidAddressError("The API key must be printable ASCII without spaces.")
    return {**headers, "Authorization": f"Bearer {api_key}"}


def _unreadable(error: Exception) -> ProtocolError:
    lines = str(error).splitlines()
    errors = "; ".join(line.strip() for line in lines[:3])
    return ProtocolError(f"The server's answer has a shape that client {VERSION} does not know: {errors}")
