"""Authorizes resets, steps and reads, and resolves episode names of clients to names on this server.

Rule 1: while an episode runs, only its player steps it, and only its player and viewers read it. Rule 2: the outcome of a
ranked attempt, which is its seed, its truth and what was answered, is its player's alone until the round closes. Rule 3: the
key decides both; without a key, knowing the name of an episode that belongs to no key gives access.
"""

from __future__ import annotations

from domain.ranking.rounds import round_of_name
from server.episodes.commands import AuthorizedReset, ResetRequest
from server.episodes.errors import UnknownEpisodeError
from server.episodes.service import Episodes
from server.ranking.rounds import Rounds
from server.security.identity import Identity, ReservedNameError, owner_of


class EpisodeAccess:
    """Scopes the names of clients with a key. Without a key a name is used as it is."""

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
        """The name of the episode to step; raises ``UnknownEpisodeError`` if it belongs to another client, and runs or is
        sealed."""
        return await self._resolve(identity, name, may_watch=False)

    async def resolve_visible(self, identity: Identity, name: str) -> str:
        """The name of the episode to read. A viewer's key may read episodes that run or are sealed; agents only their own,
        and clients without a key only episodes of clients without a key."""
        may_watch = identity.prefix is not None and identity.may("viewer")
        return await self._resolve(identity, name, may_watch=may_watch)

    async def resolve_listed(self, identity: Identity, name: str) -> str:
        """As `resolve_visible`, but with sealed attempts, which lists name, for pages that show what the number shows."""
        try:
            return await self.resolve_visible(identity, name)
        except UnknownEpisodeError:
            if await self._episodes.is_running(name):
                raise
            return name

    async def is_sealed(self, identity: Identity, episode_id: str) -> bool:
        """Whether the outcome of an episode is withheld from this client after its end: it is an attempt of another key, and
        its round is open."""
        round_id = round_of_name(episode_id)
        return round_id is not None and not identity.owns(episode_id) and await self._rounds.is_open(round_id)

    async def _resolve(self, identity: Identity, name: str, *, may_watch: bool) -> str:
        if identity.prefix is not None and not identity.owns(name):
            scoped = f"{identity.prefix}:{name}"
            if await self._episodes.exists(scoped):
                return scoped
        owner = owner_of(name)
        if owner in (None, identity.prefix) or may_watch:
            return name
        if await self._episodes.is_running(name) or await self.is_sealed(identity, name):
            raise UnknownEpisodeError(name)
        return name
