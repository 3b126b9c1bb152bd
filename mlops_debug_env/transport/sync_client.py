"""The blocking client. Its event loop runs in a thread, so it also works in notebooks."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Any, Coroutine, Mapping, Self, TypeVar

from mlops_debug_env.protocol.actions import Action
from mlops_debug_env.protocol.errors import ClientUnusableError
from mlops_debug_env.protocol.observations import EpisodeState, StepResult, Task
from mlops_debug_env.protocol.types import Control, InvalidActions, RewardMode, TaskId
from mlops_debug_env.transport.async_client import DEFAULT_URL, DebugClient, make_client
from mlops_debug_env.transport.belonging import Belonging
from mlops_debug_env.transport.retry import Retrying

Answered = TypeVar("Answered")


class LoopThread:
    """An event loop in a thread, so that pings are answered between calls."""

    def __init__(self) -> None:
        self._belonging = Belonging()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mlops-debug-client", daemon=True)
        self._thread.start()

    @property
    def is_open(self) -> bool:
        return self._thread.is_alive()

    def run(self, work: Coroutine[Any, Any, Answered]) -> Answered:
        """Run a coroutine on the loop and wait for its result."""
        try:
            self._belonging.check_process()  # a forked process has no such thread
        except ClientUnusableError:
            work.close()
            raise
        if not self.is_open:
            work.close()
            raise RuntimeError("this client is closed; make a new one")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # the caller was interrupted and no longer waits
            raise

    def close(self) -> None:
        if not self.is_open:
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class SyncDebugClient:
    """`DebugClient`, blocking. Takes the same arguments."""

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
        self._client = DebugClient(
            base_url,
            session_key=session_key,
            api_key=api_key,
            timeout_seconds=timeout_seconds,
            max_retries=max_retries,
            retrying=retrying,
        )
        self._thread = LoopThread()

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickle has address, session and key, and no connection; a copy plays in the same session."""
        return make_client, (type(self), self.base_url, self._client.arguments())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def base_url(self) -> str:
        """The URL of the server, without the session."""
        return self._client.base_url

    @property
    def session_key(self) -> str:
        """The session key. A later client with it continues the episode. Without API keys it is a secret."""
        return self._client.session_key

    @property
    def episode_id(self) -> str | None:
        """The episode of the latest answer; None: there was none."""
        return self._client.episode_id

    def reset(
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
        """Begin an episode; an open one of this session is closed."""
        return self._thread.run(
            self._client.reset(
                task_id=task_id,
                seed=seed,
                episode_id=episode_id,
                agent=agent,
                reward_mode=reward_mode,
                resume=resume,
                control=control,
                invalid_actions=invalid_actions,
                **further,
            )
        )

    def step(self, action: Action | Mapping[str, Any], *, request_id: str | None = None) -> StepResult:
        """Take one step. It is recorded once, also if it is retried."""
        return self._thread.run(self._client.step(action, request_id=request_id))

    def state(self) -> EpisodeState:
        """The state of the session's episode."""
        return self._thread.run(self._client.state())

    def abandon(self) -> EpisodeState:
        """End the session's open episode without a diagnosis, which scores least; an ended one stays as it is."""
        return self._thread.run(self._client.abandon())

    def share_transcript(self, transcript: Mapping[str, Any]) -> None:
        """Share the transcript of the model in the session's running episode; see `DebugClient.share_transcript`."""
        self._thread.run(self._client.share_transcript(transcript))

    def tasks(self) -> tuple[Task, ...]:
        """The tasks."""
        return self._thread.run(self._client.tasks())

    def schema(self) -> dict[str, Any]:
        """The JSON Schemas of actions, observations and state, and the registry of fields."""
        return self._thread.run(self._client.schema())

    def health(self) -> dict[str, Any]:
        """Whether the server answers, and its version."""
        return self._thread.run(self._client.health())

    def rounds(self) -> list[dict[str, Any]]:
        """The ranked rounds, the newest first."""
        return self._thread.run(self._client.rounds())

    def events(self, episode_id: str | None = None) -> list[dict[str, Any]]:
        """The events of an episode; by default the session's."""
        return self._thread.run(self._client.events(episode_id))

    def close(self) -> None:
        """Close the connections. The episode stays as it is."""
        if self._thread.is_open:
            self._thread.run(self._client.close())
            self._thread.close()
