"""Observers of a run: the base class, and one that passes events on to several."""

from __future__ import annotations

from collections.abc import Sequence

from mlops_debug_env.protocol.actions import Action
from mlops_debug_env.protocol.observations import StepResult
from mlops_debug_env.runner.records import EpisodeResult, PlannedEpisode


class RunObserver:
    """Receives the events of the episodes of a run; ignores those that a subclass does not override."""

    def on_start(self, planned: PlannedEpisode) -> None:
        pass

    def on_found_ended(self, planned: PlannedEpisode) -> None:
        """The server answers that the episode was over before; its steps are only repeated."""

    def on_step(self, planned: PlannedEpisode, step: int, action: Action, outcome: StepResult) -> None:
        pass

    def on_finish(self, result: EpisodeResult) -> None:
        pass

    def on_failure(self, planned: PlannedEpisode, message: str) -> None:
        pass

    def on_abort(self, planned: PlannedEpisode) -> None:
        """The run ends while the episode is under way; it is no failure of its own."""


class PlayedEpisodes(RunObserver):
    """Counts the episodes that were played to their end now."""

    def __init__(self) -> None:
        self._started: set[str] = set()

    @property
    def count(self) -> int:
        return len(self._started)

    def on_start(self, planned: PlannedEpisode) -> None:
        self._started.add(planned.session_key)

    def on_found_ended(self, planned: PlannedEpisode) -> None:
        self._started.discard(planned.session_key)

    def on_failure(self, planned: PlannedEpisode, message: str) -> None:
        self._started.discard(planned.session_key)

    def on_abort(self, planned: PlannedEpisode) -> None:
        self._started.discard(planned.session_key)


class CompositeObserver(RunObserver):
    """Passes every event on to several observers."""

    def __init__(self, observers: Sequence[RunObserver]) -> None:
        self._observers = observers

    def on_start(self, planned: PlannedEpisode) -> None:
        for each in self._observers:
            each.on_start(planned)

    def on_found_ended(self, planned: PlannedEpisode) -> None:
        for each in self._observers:
            each.on_found_ended(planned)

    def on_step(self, planned: PlannedEpisode, step: int, action: Action, outcome: StepResult) -> None:
        for each in self._observers:
            each.on_step(planned, step, action, outcome)

    def on_finish(self, result: EpisodeResult) -> None:
        for each in self._observers:
            each.on_finish(result)

    def on_failure(self, planned: PlannedEpisode, message: str) -> None:
        for each in self._observers:
            each.on_failure(planned, message)

    def on_abort(self, planned: PlannedEpisode) -> None:
        for each in self._observers:
            each.on_abort(planned)
