"""Runs an evaluation from its options to its summary: the composition root of ``run``, ``compete`` and ``demo``."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from mlops_debug_env.agents.registry import AgentMaker, own_name
from mlops_debug_env.protocol.errors import EpisodeNotStartedError, InvalidAddressError
from mlops_debug_env.runner.admission import Admission
from mlops_debug_env.runner.agents import CreateAgent, agents_made_by, find_agent, llm_agents
from mlops_debug_env.runner.json_lines import UnwritableFolderError, write_json_atomically
from mlops_debug_env.runner.model_options import ModelOptions, check_model_options, check_no_bounds, open_endpoint
from mlops_debug_env.runner.observers import CompositeObserver, PlayedEpisodes
from mlops_debug_env.runner.openenv_log import OpenEnvLog
from mlops_debug_env.runner.progress import ProgressBars, ProgressLines, by_task
from mlops_debug_env.runner.ranked_run import find_round
from mlops_debug_env.runner.records import PlannedEpisode, RunHeader
from mlops_debug_env.runner.redaction import Redactor
from mlops_debug_env.runner.run_folder import (
    SUMMARY,
    NoRunError,
    RunFolder,
    check_has_run,
    check_is_free,
    read_results,
)
from mlops_debug_env.runner.run_setup import RunRequest, create_run, header_of, ranked_header_of, read_same_header
from mlops_debug_env.runner.suite_runner import Stop, SuiteRun
from mlops_debug_env.runner.summary import SUCCESS_AT, Summary, summarise
from mlops_debug_env.transport.async_client import DebugClient
from mlops_debug_env.transport.retry import Retrying

_RUN_RETRIES = 5
MAX_OUTAGE_SECONDS = 60.0
"""How long a run waits for a server that cannot be reached, by default."""
_FILES_AN_EPISODE = 3
_FILES_BESIDE = 64
_NAMES_OF_SECRETS = ("_API_KEY", "_ACCESS_KEY", "_TOKEN", "_SECRET", "_PASSWORD")
_START_RETRIES = 1
"""Few, so that an unreachable server is reported at once when a run starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How the server is reached."""

    url: str
    api_key: str | None = None
    concurrency: int = 16
    max_outage_seconds: float = MAX_OUTAGE_SECONDS

    def check(self) -> None:
        """Raise ``InvalidAddressError`` if the address cannot be used for a run."""
        if "/sessions/" in self.url:
            raise InvalidAddressError(
                "--url must end before /sessions/…: every episode of a run has a session of its own"
            )
        self.open()

    def open(self, session_key: str | None = None, *, max_retries: int = _RUN_RETRIES) -> DebugClient:
        return DebugClient(self.url, session_key=session_key, api_key=self.api_key, max_retries=max_retries)

    def open_to_play(self, session_key: str) -> DebugClient:
        """A client for an episode, which waits while the server cannot be reached."""
        retrying = Retrying(max_retries=_RUN_RETRIES, max_outage_seconds=self.max_outage_seconds)
        return DebugClient(self.url, session_key=session_key, api_key=self.api_key, retrying=retrying)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    path: Path
    summary: Summary
    played: int
    """Episodes played to their end this time."""
    failed: int
    """Episodes that failed this time."""
    first_failure: str | None
    """The error of the first of them, in one line."""
    stop: Stop | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCommand:
    """One evaluation with its options."""

    request: RunRequest
    connection: Connection
    model_options: ModelOptions = field(default_factory=ModelOptions)
    out: Path | None = None
    resume: bool = False
    success_at: float = SUCCESS_AT
    shares_transcripts: bool = False
    """Whether transcripts are sent to the server."""
    is_ranked: bool = False
    """Whether a ranked round is played, and not a suite."""
    openenv_lines: Callable[[str], None] | None = None
    """Prints one line of the hackathon's format; None: not printed."""
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    async def play(self) -> Outcome:
        """Play the pending episodes, and summarise all results."""
        _allow_open_files(self.connection.concurrency)
        self._check_out()
        self.connection.check()
        header = await self._header()
        path = self.out or Path("runs") / header.run_id
        make_agent = find_agent(header.agent)
        if make_agent is None:
            check_model_options(self.model_options, header, self.environ)
        else:
            check_no_bounds(self.model_options, header.agent)
            if not self.resume:
                header = header.model_copy(update={"agent_name": own_name(make_agent)})
        async with self.connection.open(max_retries=_START_RETRIES) as client:
            schema = (await client.schema())["action"]
        with self._folder(path, header, schema) as folder:
            played = PlayedEpisodes()
            stop, run = await self._play(folder, schema, make_agent, played)
            summary = self._summary(folder, run.failures)
        return Outcome(path, summary, played.count, run.failures, run.first_failure, stop)

    async def abandon(self) -> int:
        """End the episodes on the server that the run in ``out`` has begun and not finished; returns how many it ended."""
        self._check_out()
        self.connection.check()
        header = await self._header()
        if self.out is None:
            raise ValueError("a run to abandon has a folder")
        with RunFolder(self.out, header) as folder:
            return sum([await self._end(planned) for planned in folder.left()])

    async def _end(self, planned: PlannedEpisode) -> bool:
        """Whether the episode was open."""
        async with self.connection.open(planned.session_key) as client:
            with suppress(EpisodeNotStartedError):  # the server has another database
                if not (await client.state()).done:
                    return (await client.abandon()).done
        return False

    def _check_out(self) -> None:
        """Raise ``NoRunError`` if there is no run to resume, or ``FolderTakenError`` if there is no room for a new one."""
        if self.out is not None:
            (check_has_run if self.resume else check_is_free)(self.out)

    async def _header(self) -> RunHeader:
        """The header of the run in the folder, or of a new one."""
        path = self.out
        if path is not None and self.resume:
            header = read_same_header(path, self.request)
            if (header.round is not None) != self.is_ranked:
                right = "run" if self.is_ranked else "compete"
                raise NoRunError(f"the run in {path} was begun with mlops-debug {right}; go on with the same command")
            return header
        if self.request.round is None:
            return header_of(self.request, self.environ)
        async with self.connection.open(max_retries=_START_RETRIES) as client:
            return ranked_header_of(self.request, self.environ, await find_round(client, self.request.round))

    def _folder(self, path: Path, header: RunHeader, schema: Any) -> RunFolder:
        redactor = self._redactor()
        if self.resume:
            return RunFolder(path, header, redactor=redactor)
        return create_run(path, header, schema, redactor=redactor)

    def _redactor(self) -> Redactor:
        environ = self.environ
        addresses = (self.model_options.base_url, environ.get("OPENAI_BASE_URL"), environ.get("API_BASE_URL"))
        # An agent of the user may ask another provider.
        of_environment = (value for name, value in environ.items() if name.endswith(_NAMES_OF_SECRETS))
        in_headers = self.model_options.headers.values()
        return Redactor((self.connection.api_key, *of_environment, *in_headers), addresses=addresses)

    async def _play(
        self, folder: RunFolder, schema: Mapping[str, Any], make_agent: AgentMaker | None, played: PlayedEpisodes
    ) -> tuple[Stop | None, SuiteRun]:
        if make_agent is not None:
            agents = agents_made_by(make_agent, base_url=self.connection.url, api_key=self.connection.api_key)
            return await self._run(folder, agents, played, None)
        header = folder.header
        endpoint, admission = open_endpoint(self.model_options, header, self.environ, used_before=folder.used_before)
        try:
            return await self._run(folder, llm_agents(header, endpoint, schema), played, admission)
        finally:
            await endpoint.close()

    async def _run(
        self, folder: RunFolder, create_agent: CreateAgent, played: PlayedEpisodes, admission: Admission | None
    ) -> tuple[Stop | None, SuiteRun]:
        header = folder.header
        counted = Counter(entry.task_id for entry in header.entries)
        totals = {str(task): count * header.trials for task, count in counted.items()}
        console = Console(stderr=True)
        shown = (ProgressBars if console.is_terminal else ProgressLines)(console, totals, by_task)
        shown.count(read_results(folder.path))
        observers = [shown, played, *self._lines(header)]
        with shown:
            run = SuiteRun(
                folder,
                create_agent=create_agent,
                open_client=self.connection.open_to_play,
                observer=CompositeObserver(observers),
                concurrency=self.connection.concurrency,
                admission=admission,
                shares_transcripts=self.shares_transcripts,
            )
            with _interruptible(run):
                stop = await run.play()
        return stop, run

    def _lines(self, header: RunHeader) -> list[OpenEnvLog]:
        if self.openenv_lines is None:
            return []
        at_once = self.connection.concurrency == 1
        name = header.model or header.shown_agent
        return [OpenEnvLog(self.openenv_lines, agent=name, at_once=at_once, success_at=self.success_at)]

    def _summary(self, folder: RunFolder, failed: int) -> Summary:
        header = folder.header
        summary = summarise(
            read_results(folder.path),
            run_id=header.run_id,
            agent=header.title,
            planned=len(header.entries) * header.trials,
            failures=failed,
            success_at=self.success_at,
        )
        # It can be computed again at any time; a full disk has already been reported.
        with suppress(UnwritableFolderError):
            write_json_atomically(folder.path / SUMMARY, summary.model_dump(mode="json"))
        return summary


def _allow_open_files(concurrency: int) -> None:
    """Raise the limit of open files for the sockets; if that is refused, connections fail and are reported."""
    try:
        import resource
    except ImportError:  # Windows has no such bound
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = concurrency * _FILES_AN_EPISODE + _FILES_BESIDE
    if soft < needed and soft != resource.RLIM_INFINITY:
        allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


@contextmanager
def _interruptible(run: SuiteRun) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM stops the run in order; a second one has its default effect."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def interrupt() -> None:
        for each in signals:
            loop.remove_signal_handler(each)
        run.stop("interrupted", "interrupted")

    try:
        for each in signals:
            loop.add_signal_handler(each, interrupt)
    except (NotImplementedError, RuntimeError):  # Windows, or not the main thread
        yield
        return
    try:
        yield
    finally:
        for each in signals:
            loop.remove_signal_handler(each)
