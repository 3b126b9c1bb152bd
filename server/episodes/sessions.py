"""Keyed sessions: a name under which a client finds its current episode again, after a dropped socket or a restart.

Rule 1: a key's current episode is the one its last reset began; it is read from the store. Rule 2: the newest socket of
a key wins. Rule 3: a reset that names the key's own open episode never closes it; any other reset closes it. Rule 4: a tool of MCP
resets no session whose current episode was begun for an agent.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections import OrderedDict
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from domain.events import EpisodeReset
from server.episodes.commands import AuthorizedReset
from server.episodes.errors import EpisodeNotStartedError, NoLifecycleError
from server.episodes.keyed_lock import KeyedLock
from server.episodes.peers import LocalPeerChannel, PeerChannel, PeerMessage
from server.episodes.responses import StepResponse
from server.episodes.service import Episodes
from server.security.session_names import SessionName, SessionNames
from server.storage.read_models import read_session
from server.storage.writers.protocol import ForeignWrites, is_current

KEPT_SESSIONS = 10_000


class _CurrentEpisode(NamedTuple):
    """What the store says of a session."""

    episode_id: str | None
    """None: the session has none."""
    foreign_writes: ForeignWrites
    """From before it was read or written, see `EpisodeCache`; None: not known."""


class SessionSocket:
    """The state of one WebSocket: its task and the episode that it plays. On a session, a newer socket takes over."""

    __slots__ = ("episode_id", "is_announced", "is_lost", "is_waiting", "may_repeat", "task", "token")

    def __init__(self, *, is_keyed: bool) -> None:
        self.task: asyncio.Task[None] | None = None
        """Answers the frames of the socket; None: it has not begun."""
        self.is_waiting = False
        """Whether the task waits for the client's next frame."""
        self.episode_id: str | None = None
        """None: no reset on this socket yet, and the session was not read."""
        self.may_repeat = is_keyed
        """Whether the next step may repeat one whose answer was lost with an older socket."""
        self.is_lost = False
        """Whether a newer socket has taken the session over."""
        self.token = ""
        """Identifies the socket among those of all servers."""
        self.is_announced = False
        """Whether the other servers know of it. A socket that is announced after that is newer; before that, older."""

    def lose(self) -> None:
        """Called by the newer socket. A step in progress is finished; waiting for the next frame ends now."""
        self.is_lost = True
        if self.is_waiting and self.task is not None:
            self.task.cancel()


class Sessions:
    """The sessions of this server. Other servers on the same database see the same current episodes."""

    def __init__(
        self, episodes: Episodes, reader: AsyncEngine, peers: PeerChannel | LocalPeerChannel, names: SessionNames
    ) -> None:
        self._episodes = episodes
        self._names = names
        self._reader = reader
        self.peers = peers
        self._locks = KeyedLock()
        self._current: OrderedDict[str, _CurrentEpisode] = OrderedDict()
        """The most recently used sessions."""
        self._sockets: dict[str, SessionSocket] = {}
        self._name = secrets.token_hex(8)
        self._numbers = itertools.count(1)

    def enter(self, key: str, socket: SessionSocket) -> None:
        """Add a socket to its session; the older socket of the session loses it."""
        session = self._names.of(key).recorded
        older = self._sockets.get(session)
        self._sockets[session] = socket
        if older is not None:
            older.lose()
        socket.token = f"{self._name}-{next(self._numbers)}"
        self.peers.publish(PeerMessage("seat", session, socket.token))

    def on_message(self, message: PeerMessage) -> None:
        """Handle a message of any server on the database, this one included. All servers receive them in one order."""
        socket = self._sockets.get(message.session)
        if socket is None or message.token == self._name:
            return
        if message.kind == "episode":
            socket.episode_id = None  # read again from the log when it is needed
        elif message.token == socket.token:
            socket.is_announced = True
        elif socket.is_announced:
            del self._sockets[message.session]
            socket.lose()

    def leave(self, key: str, socket: SessionSocket) -> None:
        session = self._names.of(key).recorded
        if self._sockets.get(session) is socket:
            del self._sockets[session]

    async def current(self, key: str) -> str:
        """The key's current episode; raises ``EpisodeNotStartedError``."""
        session = self._names.of(key)
        async with self._locks.hold(session.recorded):
            current = await self._read_current(session)
        if current.episode_id is None:
            raise EpisodeNotStartedError
        return current.episode_id

    async def _read_current(self, session: SessionName) -> _CurrentEpisode:
        """Called with the lock of the session."""
        foreign_writes = await self._episodes.foreign_writes(session)
        kept = self._current.get(session.recorded)
        if kept is None or not is_current(kept.foreign_writes, foreign_writes):
            kept = _CurrentEpisode(await read_session(self._reader, session), foreign_writes)
        return self._keep_current(session, kept)

    def _keep_current(self, session: SessionName, current: _CurrentEpisode) -> _CurrentEpisode:
        self._current[session.recorded] = current
        self._current.move_to_end(session.recorded)
        if len(self._current) > KEPT_SESSIONS:
            self._current.popitem(last=False)
        return current

    async def begun(self, key: str) -> EpisodeReset | None:
        """The reset of the key's current episode; None: it has none."""
        session = self._names.of(key)
        async with self._locks.hold(session.recorded):
            current = await self._read_current(session)
        return None if current.episode_id is None else await self._episodes.begun(current.episode_id)

    async def reset(
        self, key: str, authorized: AuthorizedReset, *, client: str, is_of_tools: bool = False
    ) -> StepResponse:
        """Begin the key's next episode, or answer for its own again.

        Args:
            is_of_tools: it is asked for by a tool of MCP, which serves an agent where the current episode says so.

        Raises:
            NoLifecycleError: it does.
        """
        session = self._names.of(key)
        async with self._locks.hold(session.recorded):
            before = await self._read_current(session)
            left, named = before.episode_id, authorized.request.episode_id
            if is_of_tools and left is not None and (await self._episodes.begun(left)).control == "agent":
                raise NoLifecycleError
            self._current.pop(session.recorded)  # unless it is known what became of it
            response = await self._episodes.reset(
                authorized,
                client=client,
                session=session,
                leaving=left,
                must_be_new=authorized.ranked is None and named != left,
            )
            if authorized.ranked is None:  # an attempt may be one that another session began, which stays its own
                self._keep_current(session, before._replace(episode_id=response.episode_id))
            socket = self._sockets.get(session.recorded)
            if socket is not None:
                socket.episode_id = response.episode_id
            if left != response.episode_id:
                self.peers.publish(PeerMessage("episode", session.recorded, self._name))
            if left is not None and left != response.episode_id:
                await self._episodes.leave(left)
        return response
