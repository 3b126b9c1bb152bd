"""The errors of the episode service."""

from __future__ import annotations


class UnknownEpisodeError(Exception):
    def __init__(self, episode_id: str) -> None:
        super().__init__(f"there is no episode {episode_id}")
        self.episode_id = episode_id


class UnfoldableEpisodeError(Exception):
    """The recorded events are not what this program wrote."""

    def __init__(self, episode_id: str) -> None:
        super().__init__(f"the events of {episode_id} cannot be folded; audit it")
        self.episode_id = episode_id


class EpisodeTakenError(Exception):
    """A reset names an episode that exists and is not the same, or has gone on."""

    def __init__(self, episode_id: str) -> None:
        super().__init__(f"episode {episode_id} exists")
        self.episode_id = episode_id


class RoundError(Exception):
    """Base of the errors of rounds; the others are in ``server.ranking.errors``."""


class RoundClosedError(RoundError):
    def __init__(self, round_id: str) -> None:
        super().__init__(f"round {round_id} is closed")
        self.round_id = round_id


class EpisodeNotStartedError(Exception):
    """A step or state on a socket or a session key that never had an episode."""


class NoLifecycleError(Exception):
    """An agent asks for a reset on a session whose episode was begun for it by another."""


class SessionTakenOverError(Exception):
    """A newer socket of the same key is open."""
