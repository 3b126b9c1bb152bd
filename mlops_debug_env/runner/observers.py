"""Observers of a run: the protocol, and one that passes events on to several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mlops_debug_env.protocol.actions import Action
from mlops_debug_env.protocol.observations import StepResult
from mlops_debug_env.runner.records import EpisodeResult, Ticket


class RunObserver(Protocol):
    """Receives the events of the episodes of a run."""

    def began(self, ticket: Ticket) -> None: ...

    def stepped(self, ticket: Ticket, step: int, action: Action, outcome: StepResult) -> None: ...

    def finished(self, result: EpisodeResult) -> None: ...

    def failed(self, ticket: Ticket, message: str) -> None: ...

    def left(self, ticket: Ticket) -> None:
        """The run ends while the episode is under way; it is no failure of its own."""
        ...


class CompositeObserver:
    """Passes every event on to several observers."""

    def __init__(self, observers: Sequence[RunObserver]) -> None:
        self._observers = observers

    def began(self, ticket: Ticket) -> None:
        for each in self._observers:
            each.began(ticket)

    def stepped(self, ticket: Ticket, step: int, action: Action, outcome: StepResult) -> None:
        for each in self._observers:
            each.stepped(ticket, step, action, outcome)

    def finished(self, result: EpisodeResult) -> None:
        for each in self._observers:
            each.finished(result)

    def failed(self, ticket: Ticket, message: str) -> None:
        for each in self._observers:
            each.failed(ticket, message)

    def left(self, ticket: Ticket) -> None:
        for each in self._observers:
            each.left(ticket)
