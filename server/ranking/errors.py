"""Why a ranked reset is refused."""

from __future__ import annotations

from server.episodes.errors import RoundError


class UnknownRoundError(RoundError):
    def __init__(self, round_id: str) -> None:
        super().__init__(f"there is no round {round_id}")
        self.round_id = round_id


class RoundBusyError(RoundError):
    """A round could not be closed now."""

    def __init__(self, round_id: str, reason: str) -> None:
        super().__init__(f"round {round_id} is not closed yet ({reason}); repeat the command, which goes on from here")
        self.round_id = round_id


class RoundVersionError(RoundError):
    """This server does not run the generator or the rubric that the round was opened with."""

    def __init__(self, round_id: str) -> None:
        super().__init__(f"round {round_id} was opened with another generator or rubric")
        self.round_id = round_id


class AttemptsUsedError(RoundError):
    def __init__(self, entry: int, allowed: int) -> None:
        super().__init__(f"entry {entry}: all {allowed} attempts are used")
        self.entry = entry
        self.allowed = allowed


class KeyNeededError(RoundError):
    """Ranked attempts belong to a key."""


class RankedResetError(RoundError):
    """A reset asks for something that the round decides."""
