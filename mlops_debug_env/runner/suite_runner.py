"""Plays the pending episodes of a run concurrently, and stops it after fatal or repeated errors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from mlops_debug_env.agents.agent import Agent
from mlops_debug_env.agents.llm.errors import ModelRefusedError, ModelUnreachableError
from mlops_debug_env.agents.llm.limits import BudgetSpentError
from mlops_debug_env.protocol.errors import MlopsDebugError, ServerUnreachableError
from mlops_debug_env.runner.admission import Admission, AdmittedEpisode
from mlops_debug_env.runner.agent_errors import agent_frames
from mlops_debug_env.runner.episode_runner import ReportsUsage, play_episode
from mlops_debug_env.runner.json_lines import UnwritableFolderError
from mlops_debug_env.runner.observers import RunObserver
from mlops_debug_env.runner.records import EpisodeFailure, PlannedEpisode
from mlops_debug_env.runner.run_folder import RunFolder
from mlops_debug_env.transport.async_client import DebugClient

MAX_CONSECUTIVE_FAILURES = 10
"""The run stops after so many failures in a row; ``--resume`` plays the rest. One outage of the server counts as one."""

MAX_SHOWN_CHARACTERS = 300
"""Of an error on the terminal; errors.jsonl has more."""

StopReason = Literal["interrupted", "budget", "failures", "unwritable"]


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a run was stopped early."""

    reason: StopReason
    message: str


class SuiteRun:
    """Plays the pending episodes of a run once.

    Args:
        folder: where the run is written.
        create_agent: a fresh agent for an episode.
        open_client: a client on a session of the given name.
        observer: receives the events of the run.
        concurrency: max episodes in flight.
        admission: further bounds them by the budget; None: there is none.
        shares_transcripts: whether transcripts are sent to the server.
    """

    def __init__(
        self,
        folder: RunFolder,
        *,
        create_agent: Callable[[PlannedEpisode], Awaitable[Agent]],
        open_client: Callable[[str], DebugClient],
        observer: RunObserver,
        concurrency: int,
        admission: Admission | None = None,
        shares_transcripts: bool = False,
    ) -> None:
        self.failures = 0
        self.first_failure: str | None = None
        """The error of the first episode that failed, in one line."""
        self._folder = folder
        self._create_agent = create_agent
        self._open_client = open_client
        self._observer = observer
        self._concurrency = concurrency
        self._admission = admission
        self._shares_transcripts = shares_transcripts
        self._failures_in_a_row = 0
        self._outages = 0
        """How often the server could not be reached; episodes in flight at the same time share one."""
        self._has_reached_model = False
        """Whether an episode ended otherwise than by an unreachable model."""
        self._stopped: asyncio.Future[Stop] | None = None

    async def play(self) -> Stop | None:
        """Play until nothing is pending. None: every pending episode was tried."""
        stopped = self._stopped = asyncio.get_running_loop().create_future()
        planned_episodes = self._folder.pending()
        workers = {asyncio.create_task(self._work(planned_episodes)) for _ in range(self._concurrency)}
        working: set[asyncio.Future[Any]] = {*workers}
        try:
            while working and not stopped.done():
                await asyncio.wait({*working, stopped}, return_when=asyncio.FIRST_COMPLETED)
                for worker in [each for each in working if each.done()]:
                    working.remove(worker)
                    worker.result()  # raises the worker's error
        finally:
            for each in workers:
                each.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        if not stopped.done() and self.failures and not self._has_reached_model:
            self.stop("failures", "the model cannot be reached (see errors.jsonl)")
        return stopped.result() if stopped.done() else None

    def stop(self, reason: StopReason, message: str) -> None:
        """Stop the run. Episodes in flight stay as they are, on the server and on disk."""
        if self._stopped is not None and not self._stopped.done():
            self._stopped.set_result(Stop(reason, self._folder.redactor.error(message)))

    async def _work(self, planned_episodes: Iterator[PlannedEpisode]) -> None:
        for planned in planned_episodes:
            try:
                await self._play_when_admitted(planned)
            except UnwritableFolderError as error:
                self.stop("unwritable", str(error))
                return
            except BudgetSpentError as error:
                self.stop("budget", str(error))
                return
            except ModelRefusedError as error:
                self.stop("failures", str(error))
                return

    async def _play_when_admitted(self, planned: PlannedEpisode) -> None:
        if self._admission is None:
            await self._play(planned, None)
            return
        async with self._admission.episode() as admitted:
            await self._play(planned, admitted)

    async def _play(self, planned: PlannedEpisode, admitted: AdmittedEpisode | None) -> None:
        outages_before = self._outages
        try:
            agent = await self._create_agent(planned)
            if admitted is not None and isinstance(agent, ReportsUsage):
                admitted.usage = partial(getattr, agent, "usage")
            async with self._open_client(planned.session_key) as client:
                result = await play_episode(
                    planned,
                    agent=agent,
                    client=client,
                    folder=self._folder,
                    observer=self._observer,
                    shares_transcript=self._shares_transcripts,
                )
        except (UnwritableFolderError, BudgetSpentError, ModelRefusedError, asyncio.CancelledError):
            self._observer.on_abort(planned)
            raise
        except Exception as error:  # noqa: BLE001 - an error of an agent must not end the other episodes
            self._fail(planned, error, outages_before)
        else:
            self._folder.write_result(result)
            if admitted is not None:
                admitted.has_result = True
            self._has_reached_model = True
            self._failures_in_a_row = 0
            self._observer.on_finish(result)

    def _fail(self, planned: PlannedEpisode, error: Exception, outages_before: int) -> None:
        message = self._folder.redactor.error(" ".join(str(error).split())) or type(error).__name__
        failure = EpisodeFailure(
            episode_id=planned.episode_id,
            entry=planned.entry.key,
            trial=planned.trial,
            kind=type(error).__name__,
            message=message[:1000],
            traceback=tuple(map(self._folder.redactor.error, agent_frames(error))),
        )
        self._folder.write_failure(failure)
        self._has_reached_model |= not isinstance(error, ModelUnreachableError)
        self.failures += 1
        shown = failure.message if isinstance(error, MlopsDebugError) else f"{failure.kind}: {failure.message}"
        self.first_failure = self.first_failure or shown[:MAX_SHOWN_CHARACTERS]
        self._failures_in_a_row += not self._is_counted_outage(error, outages_before)
        self._observer.on_failure(planned, shown)
        if self._failures_in_a_row >= MAX_CONSECUTIVE_FAILURES:
            self.stop("failures", f"{MAX_CONSECUTIVE_FAILURES} episodes in a row failed, the last with: {message}")

    def _is_counted_outage(self, error: Exception, outages_before: int) -> bool:
        """Whether it is the outage by which another episode in flight has failed; a new outage is counted."""
        if not isinstance(error, ServerUnreachableError):
            return False
        if self._outages > outages_before:
            return True
        self._outages += 1
        return False
