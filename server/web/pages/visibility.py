"""Decides how much of an episode a viewer may see.

Rule 1: while an episode runs, no viewer sees the truth, the seed or anything that the agent has not been shown. Rule 2:
by the number of a running episode every viewer sees which actions it takes, never what the agent wrote or was shown.
Rule 3: after its end every viewer sees everything on its page; of a ranked attempt its player does, and all others when its
round has closed: until then it is sealed, and they see what they saw while it ran, with its score. Rule 4: lists, boards and
the page of a sealed attempt show neither fault nor answer.
"""

from __future__ import annotations

from typing import AbstractSet, Literal

from domain.episode.decide import EpisodeState
from server.security.identity import Identity, owner_of

Visibility = Literal["public", "own", "full"]
"""``public``: requested by number; ``own``: requested by its id, if the id is the secret, or with its own key or a viewer key;
``full``: the episode is over, and not sealed."""


def visibility_of(
    state: EpisodeState, episode_id: str, viewer: Identity, *, by_number: bool, is_sealed: bool = False
) -> Visibility:
    """The visibility of an episode for this viewer. ``is_sealed``: it is an attempt of another key, and its round is open."""
    if state.ended is not None and not is_sealed:
        return "full"
    if by_number:
        return "public"
    # The name of a keyed episode can be guessed: only the key authorizes.
    is_secret = owner_of(episode_id) is None
    is_theirs = viewer.owns(episode_id) or (viewer.prefix is not None and viewer.may("viewer"))
    return "own" if is_secret or is_theirs else "public"


def may_list_outcome(end_reason: str | None, round_id: str | None, open_rounds: AbstractSet[str]) -> bool:
    """Whether a list may show what was planted in an episode and what was answered."""
    return end_reason is not None and round_id not in open_rounds
