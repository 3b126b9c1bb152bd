"""Authorizes resets, steps and reads, and resolves episode names of clients to names on this server."""

from __future__ import annotations

from domain.ranking.rounds import round_of_name
from server.episodes.commands import AuthorizedReset, ResetRequest
from server.episodes.errors import UnknownEpisodeError
from server.episodes.service import Episodes
from server.ranking.rounds import Rounds
from server.security.identity import Identity, ReservedNameError, owner_of


class EpisodeAccess:
    """Scopes the names of clients with a key. Without a key a name is used as it is: knowing it gives access."""

    def __init__(self, episodes: Episodes, rounds: Rounds) -> None:
        self._episodes = episodes
        self._rounds = rounds

    async def authorize_reset(self, identity: Identity, wanted: ResetRequest) -> AuthorizedReset:
        """The reset as it may be carried out; raises ``ReservedNameError``, ``RoundError`` or ``UnknownEntryError``."""
        if wanted.round is not None:
            return await self._rounds.authorize_attempt(identity, wanted)
        scoped_name = identity.scoped(wanted.episode_id) if wanted.episode_id is not None else None
        if identity.prefix is None:
            return AuthorizedReset(wanted)
        if (
            scoped_name is not None
            and round_of_name(scoped_name) is not None
            and not await self._episodes.exists(scoped_name)
        ):
            raise ReservedNameError(scoped_name)  # only a ranked reset begins an attempt
        return AuthorizedReset(
            wanted.model_copy(update={"episode_id": scoped_name, "agent": identity.name}), identity.prefix
        )

    async def resolve_playable(self, identity: Identity, name: str) -> str:
        """The name of the episode to step; raises ``UnknownEpisodeError`` if it belongs to another client and runs."""
        return await self._resolve(identity, name, may_watch=False)

    async def resolve_visible(self, identity: Identity, name: str) -> str:
        """The name of the episode to read. A viewer's key may read running episodes; agents only their own, and clients
        without a key only episodes of clients without a key."""
        may_watch = identity.prefix is not None and identity.may("viewer")
        return await self._resolve(identity, name, may_watch=may_watch)

    async def _resolve(self, identity: Identity, name: str, *, may_watch: bool) -> str:
        if identity.prefix is not None and not identity.owns(name):
            scoped = f"{identity.prefix}:{name}"
            if await self._episodes.exists(scoped):
                return scoped
        owner = owner_of(name)
        if owner in (None, identity.prefix) or may_watch:
            return name
        if await self._episodes.is_running(name):
            raise UnknownEpisodeError(name)
        return name
