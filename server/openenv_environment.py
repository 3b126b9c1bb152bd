"""The environment inside another program's process, as OpenEnv's own server class. Needs the extra ``openenv``.

It is the same application over the same wire, only without a socket: what is played here is recorded in the same
database, and can be replayed and audited.
"""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from functools import cache
from typing import Any

import httpx
from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import EnvironmentMetadata

from mlops_debug_env.protocol.openenv_types import MlopsDebugAction, MlopsDebugObservation, MlopsDebugState
from mlops_debug_env.transport.sync_client import LoopThread
from server.app import create_app, random_id
from server.scenarios.simulation import InProcessSimulation
from server.settings import Settings, read_settings
from server.version import DESCRIPTION, NAME, VERSION


class RefusedError(RuntimeError):
    """The application refused a request; the words are those of its problem object."""


class Embedded:
    """One running application, with an event loop in a thread of its own. Any number of environments share it."""

    def __init__(self, settings: Settings) -> None:
        self._thread = LoopThread()
        self._stack = AsyncExitStack()
        self._http = self._thread.run(self._open(settings))

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The JSON of an answer.

        Raises:
            RefusedError: the application answered with a problem.
        """
        response = self._thread.run(self._http.request(method, path, json=body))
        told: dict[str, Any] = response.json()
        if response.is_error:
            raise RefusedError(f"{told.get('code')}: {told.get('detail')}")
        return told

    def close(self) -> None:
        """Write what is waiting, and stop."""
        self._thread.run(self._stack.aclose())
        self._thread.close()

    async def _open(self, settings: Settings) -> httpx.AsyncClient:
        # Inline: a program that imports an environment does not expect it to start processes.
        app = create_app(settings, world=InProcessSimulation())
        await self._stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        return await self._stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://embedded", timeout=None)
        )


@cache
def shared() -> Embedded:
    """The application that environments without one of their own share, set up by the environment variables."""
    return Embedded(read_settings(os.environ))


class MlopsDebugEnvironment(Environment[MlopsDebugAction, MlopsDebugObservation, MlopsDebugState]):
    """One episode at a time. ``MlopsDebugEnvironment()`` is enough: the settings come from the environment variables.

    Args:
        embedded: the application to play on; none: the process's shared one.
    """

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, embedded: Embedded | None = None) -> None:
        super().__init__()
        self._embedded = embedded if embedded is not None else shared()
        self._episode_id: str | None = None

    def reset(
        self,
        seed: int | None = None,
        episode_id: str | None = None,
        task_id: str | None = None,
        agent: str | None = None,
        reward_mode: str | None = None,
        resume: bool | None = None,
        **kwargs: Any,
    ) -> MlopsDebugObservation:
        """Begin an episode; what is not known is ignored, as everywhere in OpenEnv."""
        named = episode_id or random_id()
        wanted = {
            **kwargs,
            "seed": seed,
            "episode_id": named,
            "task_id": task_id,
            "agent": agent,
            "reward_mode": reward_mode,
            "resume": resume,
        }
        observation = _observed(self._embedded.ask("POST", "/reset", wanted))
        self._episode_id = named
        return observation

    def step(self, action: MlopsDebugAction, timeout_s: float | None = None, **kwargs: Any) -> MlopsDebugObservation:
        """Take one step."""
        body = {"action": action.to_wire()}
        return _observed(self._embedded.ask("POST", f"/episodes/{self._current()}/step", body))

    @property
    def state(self) -> MlopsDebugState:
        """How the episode stands."""
        told = self._embedded.ask("GET", f"/episodes/{self._current()}/state")
        state: MlopsDebugState = MlopsDebugState.model_validate(told)
        return state

    def get_metadata(self) -> EnvironmentMetadata:
        return EnvironmentMetadata(name=NAME, description=DESCRIPTION, version=VERSION)

    def close(self) -> None:
        """Nothing: the episode stays as it is, and the application is shared."""

    def _current(self) -> str:
        if self._episode_id is None:
            raise RefusedError("episode_not_started: No episode was begun here; send a reset first.")
        return self._episode_id


def _observed(told: dict[str, Any]) -> MlopsDebugObservation:
    beside = {key: told[key] for key in ("reward", "done", "metadata")}
    observation: MlopsDebugObservation = MlopsDebugObservation.model_validate({**told["observation"], **beside})
    return observation
