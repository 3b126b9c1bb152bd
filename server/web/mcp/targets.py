"""The episode that tools play, and whether it was begun for an agent: then they have no lifecycle."""

from __future__ import annotations

from typing import Awaitable, Callable, Protocol

from server.episodes.commands import AuthorizedReset
from server.episodes.errors import NoLifecycleError
from server.episodes.responses import StepResponse
from server.services import Services


class ToolTarget(Protocol):
    """What tools play on."""

    async def current(self) -> str:
        """The episode; raises ``EpisodeNotStartedError``."""

    async def serves_agent(self) -> bool:
        """Whether the tools are those of an agent."""

    async def reset(self, authorized: AuthorizedReset) -> StepResponse:
        """Begin an episode; raises ``NoLifecycleError`` where the tools are those of an agent."""


class SessionTarget:
    """The current episode of a session. Without one, or if it was begun over MCP, the tools serve a client."""

    def __init__(self, services: Services, session: str, *, client: str) -> None:
        self._sessions = services.sessions
        self._session = session
        self._client = client

    async def current(self) -> str:
        return await self._sessions.current(self._session)

    async def serves_agent(self) -> bool:
        begun = await self._sessions.begun(self._session)
        return begun is not None and begun.control == "agent"

    async def reset(self, authorized: AuthorizedReset) -> StepResponse:
        return await self._sessions.reset(self._session, authorized, client=self._client, is_of_tools=True)


class SocketTarget:
    """The episode of a socket that has a reset of its own, so that its tools always serve an agent."""

    def __init__(self, current: Callable[[], Awaitable[str]]) -> None:
        self._current = current

    async def current(self) -> str:
        return await self._current()

    async def serves_agent(self) -> bool:
        return True

    async def reset(self, authorized: AuthorizedReset) -> StepResponse:
        raise NoLifecycleError
