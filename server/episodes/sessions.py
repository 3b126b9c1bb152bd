"""Keyed sessions: a name under which a client finds its current episode again, after a dropped socket or a restart.

Rule 1: a key's current episode is the one its last reset began; it is read from the store. Rule 2: the newest socket of
a key wins. Rule 3: a reset that names the key's own open episode never closes it; any other reset closes it.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from server.episodes.commands import AuthorizedReset
from server.episodes.errors import EpisodeNotStartedError, EpisodeTakenError, SessionTakenOverError
from server.episodes.keyed_lock import KeyedLock
from server.episodes.peers import PeerChannel, PeerMessage
from server.episodes.responses import StepResponse
from server.episodes.service import Episodes
from server.security.session_names import SessionNames
from server.storage.read_models import read_session


class SessionSocket:
    """What one socket remembers: the episode it plays. On a session, a newer socket takes the seat away."""

    __slots__ = ("_task", "_waiting", "episode_id", "is_announced", "is_lost", "may_repeat", "token")

    def __init__(self, *, is_keyed: bool) -> None:
        self.episode_id: str | None = None
        """None: no reset on this socket yet, and the session was not looked at."""
        self.may_repeat = is_keyed
        """Whether the next step may be one whose answer was lost with an older socket."""
        self.is_lost = False
        self.token = ""
        """Names it among the seats of all servers."""
        self.is_announced = False
        """Whether the other servers know of it. Who sits down after that is newer; before that, older."""
        self._task: asyncio.Task[Any] | None = None
        """What serves the socket; None: it has not asked for a frame yet."""
        self._waiting = False

    def lose(self) -> None:
        """Called by the newer socket. A step under way is finished; a wait for the next frame ends now."""
        self.is_lost = True
        if self._waiting and self._task is not None:
            self._task.cancel()

    async def receive(self, receive: Any) -> Any:
        """What ``receive()`` gives; raises ``SessionTakenOverError``."""
        self._check()
        task = self._task = self._task or asyncio.current_task()
        if task is None:
            raise RuntimeError("a socket is served by a task")
        # The task itself is cancelled, because waiting for two things costs a task for every frame.
        self._waiting = True
        try:
            return await receive()
        except asyncio.CancelledError:
            if self.is_lost:
                task.uncancel()
                raise SessionTakenOverError from None
            raise
        finally:
            self._waiting = False

    def _check(self) -> None:
        if self.is_lost:
            raise SessionTakenOverError


class Sessions:
    """The sessions of this server. Other servers on the same database see the same current episodes."""

    def __init__(self, episodes: Episodes, reader: AsyncEngine, peers: PeerChannel, names: SessionNames) -> None:
        self._episodes = episodes
        self._names = names
        self._reader = reader
        self.peers = peers
        self._locks = KeyedLock()
        self._seats: dict[str, SessionSocket] = {}
        self._name = secrets.token_hex(8)
        self._numbers = itertools.count(1)

    def enter(self, key: str, socket: SessionSocket) -> None:
        """A new socket sits down; the one that sat there loses its seat."""
        session = self._names.of(key).recorded
        older = self._seats.get(session)
        self._seats[session] = socket
        if older is not None:
            older.lose()
        socket.token = f"{self._name}-{next(self._numbers)}"
        self.peers.publish(PeerMessage("seat", session, socket.token))

    def on_message(self, news: PeerMessage) -> None:
        """What any server on the database told, this one among them, in the order in which all hear it."""
        socket = self._seats.get(news.session)
        if socket is None or news.token == self._name:
            return
        if news.kind == "episode":
            socket.episode_id = None  # the log knows which it is now
        elif news.token == socket.token:
            socket.is_announced = True
        elif socket.is_announced:
            del self._seats[news.session]
            socket.lose()

    def leave(self, key: str, socket: SessionSocket) -> None:
        session = self._names.of(key).recorded
        if self._seats.get(session) is socket:
            del self._seats[session]

    async def current(self, key: str) -> str:
        """The key's current episode; raises ``EpisodeNotStartedError``."""
        session = self._names.of(key)
        async with self._locks.hold(session.recorded):
            episode_id = await read_session(self._reader, session)
        if episode_id is None:
            raise EpisodeNotStartedError
        return episode_id

    async def reset(self, key: str, authorized: AuthorizedReset, *, client: str) -> StepResponse:
        """Begin the key's next episode, or answer for its own again."""
        session = self._names.of(key)
        async with self._locks.hold(session.recorded):
            left = await read_session(self._reader, session)
            named = authorized.request.episode_id
            is_practice = authorized.ranked is None
            if is_practice and named is not None and named != left and await self._episodes.exists(named):
                raise EpisodeTakenError(named)
            response = await self._episodes.reset(authorized, client=client, session=session, leaving=left)
            socket = self._seats.get(session.recorded)
            if socket is not None:
                socket.episode_id = response.episode_id
            if left != response.episode_id:
                self.peers.publish(PeerMessage("episode", session.recorded, self._name))
            if left is not None and left != response.episode_id:
                await self._episodes.leave(left)
        return response
