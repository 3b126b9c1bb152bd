"""The environment inside another program's process, as OpenEnv's own server class. Needs the extra ``openenv``.

It is the same application over the same wire, only without a socket: what is played here is recorded in the same
database, and can be replayed and audited.
"""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from functools import cache
from typing import Any

import httpx2
from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import EnvironmentMetadata

from mlops_debug_env.protocol.openenv_types import MlopsDebugAction, MlopsDebugObservation, MlopsDebugState
from mlops_debug_env.transport.sync_client import LoopThread
from server.app import create_app, random_id
from server.scenarios.simulation import InProcessSimulation
from server.settings import Settings, read_settings
from server.version import DESCRIPTION, NAME, VERSION


class RefusedError(RuntimeError):
    """The application refused a request; code and detail are those of its problem object."""


class Embedded:
    """One running application, with an event loop in a thread of its own. Any number of environments share it."""

    def __init__(self, settings: Settings) -> None:
        self._thread = LoopThread()
        self._stack = AsyncExitStack()
        self._http = self._thread.run(self._open(settings))

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request; returns the JSON of the response.

        Raises:
            RefusedError: the application answered with a problem.
        """
        response = self._thread.run(self._http.request(method, path, json=body))
        answer: dict[str, Any] = response.json()
        if response.is_error:
            raise RefusedError(f"{answer.get('code')}: {answer.get('detail')}")
        return answer

    def close(self) -> None:
        """Commit pending writes, and stop."""
        self._thread.run(self._stack.aclose())
        self._thread.close()

    async def _open(self, settings: Settings) -> httpx2.AsyncClient:
        # Inline: a program that imports an environment does not expect it to start processes.
        app = create_app(settings, simulation=InProcessSimulation())
        await self._stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
        return await self._stack.enter_async_context(
            httpx2.AsyncClient(transport=transport, base_url="http://embedded", timeout=None)
        )


@cache
def shared() -> Embedded:
    """The application shared by environments without one of their own, configured by environment variables."""
    return Embedded(read_settings(os.environ))


class MlopsDebugEnvironment(Environment[MlopsDebugAction, MlopsDebugObservation, MlopsDebugState]):
    """One episode at a time. ``MlopsDebugEnvironment()`` is enough: the settings come from the environment variables.

    Args:
        embedded: the application to play on. None: the one shared in this process.
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
        """Begin an episode; unknown arguments are ignored, as everywhere in OpenEnv."""
        chosen_id = episode_id or random_id()
        reset_body = {
            **kwargs,
            "seed": seed,
            "episode_id": chosen_id,
            "task_id": task_id,
            "agent": agent,
            "reward_mode": reward_mode,
            "resume": resume,
        }
        observation = _to_observation(self._embedded.request("POST", "/reset", reset_body))
        self._episode_id = chosen_id
        return observation

    def step(self, action: MlopsDebugAction, timeout_s: float | None = None, **kwargs: Any) -> MlopsDebugObservation:
        """Take one step."""
        body = {"action": action.to_wire()}
        return _to_observation(self._embedded.request("POST", f"/episodes/{self._current()}/step", body))

    @property
    def state(self) -> MlopsDebugState:
        """The state of the episode."""
        body = self._embedded.request("GET", f"/episodes/{self._current()}/state")
        state: MlopsDebugState = MlopsDebugState.model_validate(body)
        return state

    def get_metadata(self) -> EnvironmentMetadata:
        return EnvironmentMetadata(name=NAME, description=DESCRIPTION, version=VERSION)

    def close(self) -> None:
        """Nothing: the episode stays as it is, and the application is shared."""

    def _current(self) -> str:
        if self._episode_id is None:
            raise RefusedError("episode_not_started: No episode was begun here; send a reset first.")
        return self._episode_id


def _to_observation(body: dict[str, Any]) -> MlopsDebugObservation:
    outer = {key: body[key] for key in ("reward", "done", "metadata")}
    observation: MlopsDebugObservation = MlopsDebugObservation.model_validate({**body["observation"], **outer})
    return observation
