"""A reset that its sender may make: what `admission` hands on to `episodes`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from domain.rounds import AttemptId
from domain.types import SplitName
from server.requests import ResetRequest


@dataclass(frozen=True, slots=True)
class Ranked:
    """What the round's secret decides of an attempt."""

    attempt: AttemptId
    seed: int
    fault: str
    split: SplitName
    """Of the round."""


class SessionName(NamedTuple):
    """What the log calls a session; see `session_names`."""

    recorded: str
    earlier: str
    """In events that were recorded before session names were keyed."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """The request, with names as this server knows them."""

    request: ResetRequest
    """With the episode's name on this server, and the key's name as the agent."""
    key: str | None = None
    """Prefix of the API key; null: open access."""
    ranked: Ranked | None = None
    """Null: practice."""

    def make_name(self, made: str) -> str:
        """The name of an episode that the client gave none."""
        return made if self.key is None else f"{self.key}:{made}"
