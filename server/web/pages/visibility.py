"""How much of an episode a viewer may see.

Rule 1: of a running episode nobody is shown truth, seed or anything that the agent has not been shown. Rule 2: by its
number, everybody sees what a running episode does, never what it wrote or was shown. Rule 3: after the end everything
is open to everybody.
"""

from __future__ import annotations

from typing import Literal

from domain.episode.decide import EpisodeState
from server.security.identity import Identity, owner_of

Sight = Literal["public", "own", "whole"]
"""``public``: named by its number; ``own``: named by its id where that is the secret, or asked for with its key or one that may view; ``whole``: it is over."""


def sight_of(state: EpisodeState, episode_id: str, viewer: Identity, *, by_number: bool) -> Sight:
    """What may be shown of an episode that was asked for in this way."""
    if state.ended is not None:
        return "whole"
    if by_number:
        return "public"
    # The name of a keyed episode can be guessed: it is the key, not the name, that opens it.
    is_secret = owner_of(episode_id) is None
    is_theirs = viewer.owns(episode_id) or (viewer.prefix is not None and viewer.may("viewer"))
    return "own" if is_secret or is_theirs else "public"
