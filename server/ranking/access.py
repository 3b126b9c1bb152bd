"""Who may begin, play and look at which episode: names as clients give them, to names on this server."""

from __future__ import annotations

from domain.ranking.rounds import round_of_name
from server.episodes.commands import AuthorizedReset, ResetRequest
from server.episodes.errors import UnknownEpisodeError
from server.episodes.service import Episodes
from server.ranking.rounds import Rounds
from server.security.identity import Identity, ReservedNameError, owner_of


class EpisodeAccess:
    """Names without a key pass as they are: no look-up, and nothing to guard but the secret that they are."""

    def __init__(self, episodes: Episodes, rounds: Rounds) -> None:
        self._episodes = episodes
        self._rounds = rounds

    async def admit(self, identity: Identity, wanted: ResetRequest) -> AuthorizedReset:
        """Raises ``ReservedNameError``, ``RoundError`` or ``UnknownEntryError``."""
        if wanted.round is not None:
            return await self._rounds.admit(identity, wanted)
        named = identity.scoped(wanted.episode_id) if wanted.episode_id is not None else None
        if identity.prefix is None:
            return AuthorizedReset(wanted)
        if named is not None and round_of_name(named) is not None and not await self._episodes.exists(named):
            raise ReservedNameError(named)  # only a ranked reset begins an attempt
        return AuthorizedReset(wanted.model_copy(update={"episode_id": named, "agent": identity.name}), identity.prefix)

    async def playable(self, identity: Identity, name: str) -> str:
        """The episode that the client means to step; raises ``UnknownEpisodeError`` where another plays it."""
        return await self._found(identity, name, may_watch=False)

    async def visible(self, identity: Identity, name: str) -> str:
        """The episode that the client means to look at. A viewer's key may watch what runs; agents see only their own,
        and open access only what was begun with it."""
        may_watch = identity.prefix is not None and identity.may("viewer")
        return await self._found(identity, name, may_watch=may_watch)

    async def _found(self, identity: Identity, name: str, *, may_watch: bool) -> str:
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
