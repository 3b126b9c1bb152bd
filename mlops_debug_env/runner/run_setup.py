"""Creates a run, or opens one to resume it and checks that the options are the same."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping

from mlops_debug_env.protocol.types import RewardMode, TaskId
from mlops_debug_env.runner.ranked_run import RankedRound
from mlops_debug_env.runner.records import RankedEntry, RunHeader
from mlops_debug_env.runner.redaction import Redactor
from mlops_debug_env.runner.run_folder import FolderTakenError, RunFolder, create_folder, read_header
from mlops_debug_env.suites import SuiteEntry, UnreadableSuiteError, read_suite
from mlops_debug_env.version import VERSION

DEFAULT_SUITE = "practice-2"
DEFAULT_AGENT = "heuristic"
LLM = "llm"


class OtherRunError(FolderTakenError):
    """The run in the folder has other options than the given ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """The options of a run. None: those of the run in the folder, or else the default."""

    agent: str | None = None
    model: str | None = None
    suite: str | None = None
    round: str | None = None
    """The ranked round to play, instead of a suite."""
    trials: int | None = None
    reward_mode: RewardMode | None = None
    task_id: TaskId | None = None
    """Only the suite's entries of this task."""
    entries: int | None = None
    """Only so many entries of the suite, from its start."""
    agent_options: dict[str, Any] = field(default_factory=dict)


def header_of(request: RunRequest, environ: Mapping[str, str]) -> RunHeader:
    """The header of a new run over a suite. A model that is named makes the agent ``llm`` the default.

    Raises:
        UnknownSuiteError, UnreadableSuiteError: there is no such suite, or nothing of the task in it.
    """
    suite = read_suite(request.suite or DEFAULT_SUITE)
    entries = tuple(each for each in suite.entries if request.task_id in (None, each.task_id))
    if not entries:
        raise UnreadableSuiteError(f"{suite.name} has no entry of the task {request.task_id}")
    return _header(request, environ, suite=suite.name, entries=entries[: request.entries])


def ranked_header_of(request: RunRequest, environ: Mapping[str, str], chosen: RankedRound) -> RunHeader:
    """The header of a new run over a ranked round."""
    return _header(
        request, environ, suite=chosen.suite.suite_id, entries=tuple(chosen.entries()), round_id=chosen.round
    )


def _header(
    request: RunRequest,
    environ: Mapping[str, str],
    *,
    suite: str,
    entries: tuple[SuiteEntry | RankedEntry, ...],
    round_id: str | None = None,
) -> RunHeader:
    agent = request.agent or (DEFAULT_AGENT if request.model is None else LLM)
    return RunHeader(
        run_id=secrets.token_hex(16),
        episode_secret=secrets.token_hex(16),
        suite=suite,
        round=round_id,
        entries=entries,
        agent=agent,
        model=(request.model or environ.get("MODEL_NAME")) if agent == LLM else None,
        trials=request.trials or 1,
        reward_mode=request.reward_mode or "shaped",
        agent_options=request.agent_options,
        package_version=VERSION,
    )


def read_same_header(path: Path, request: RunRequest) -> RunHeader:
    """The header of the run in a folder.

    Raises:
        OtherRunError: the options differ.
    """
    header = read_header(path)
    requested = {
        "agent": request.agent,
        "model": request.model,
        "round": request.round,
        "trials": request.trials,
        "reward_mode": request.reward_mode,
        "suite": None if request.suite is None else read_suite(request.suite).name,
        **request.agent_options,
    }
    for name, value in requested.items():
        begun_with = header.agent_options.get(name, getattr(header, name, None))
        if value is not None and value != begun_with:
            option = name.replace("_", "-")
            raise OtherRunError(
                f"the run in {path} was begun with --{option} {begun_with}, not {value}; leave it out, or name another folder"
            )
    return header


def create_run(path: Path, header: RunHeader, schema: Any, *, redactor: Redactor | None = None) -> RunFolder:
    """The folder of a new run."""
    create_folder(path, header, schema)
    return RunFolder(path, header, redactor=redactor)
