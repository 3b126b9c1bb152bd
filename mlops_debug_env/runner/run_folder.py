"""The folder of a run: its header, results, errors and turns. A lock admits one runner at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mlops_debug_env.agents.llm.usage import NOTHING_USED, ModelUsage
from mlops_debug_env.runner.json_lines import (
    JsonLines,
    UnwritableFolderError,
    read_line_at,
    read_lines,
    write_json_atomically,
)
from mlops_debug_env.runner.records import (
    TURN_RECORD_ADAPTER,
    ActionRecord,
    EpisodeFailure,
    EpisodeResult,
    PlannedEpisode,
    RequestRecord,
    RunHeader,
    TurnRecord,
)

HEADER = "run.json"
REGISTRY = "fields.json"
SCHEMA = "actions.json"
SUMMARY = "summary.json"
RESULTS = "results.jsonl"
ERRORS = "errors.jsonl"
TURNS = "turns.jsonl"
LOCK = "lock"

Kind = TypeVar("Kind", bound=BaseModel)


class NoRunError(ValueError):
    """There is no run in the folder."""


class FolderTakenError(ValueError):
    """The folder is not empty, or another runner writes in it."""


class RunFolder:
    """Reads and writes the files of a run."""

    def __init__(self, path: Path, header: RunHeader) -> None:
        self.path = path
        self.header = header
        self._lock = _lock_folder(path)
        self._results = JsonLines(path / RESULTS)
        self._errors = JsonLines(path / ERRORS)
        self._turns = JsonLines(path / TURNS)
        self._finished = {(each.entry, each.trial) for each in read_results(path)}
        self._offsets, self.used_before = _unfinished_turns(path, {each.episode_id for each in self.pending()})
        self._requests: dict[str, tuple[list[Any], list[Any] | None]] = {}
        self._registry = json.loads((path / REGISTRY).read_bytes()) if (path / REGISTRY).is_file() else None

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for each in (self._results, self._errors, self._turns):
            each.close()
        os.close(self._lock)

    def pending(self) -> Iterator[PlannedEpisode]:
        """The episodes that have no result yet, in a fixed order."""
        for trial in range(self.header.trials):
            for number, entry in enumerate(self.header.entries):
                if (entry.key, trial) not in self._finished:
                    yield PlannedEpisode(run_id=self.header.run_id, number=number, entry=entry, trial=trial)

    def recorded_actions(self, episode_id: str) -> list[ActionRecord]:
        """The recorded actions of an unfinished episode; can be read once."""
        acted: list[ActionRecord] = []
        for offset in self._offsets.pop(episode_id, ()):
            turn = TURN_RECORD_ADAPTER.validate_json(read_line_at(self.path / TURNS, offset))
            if isinstance(turn, ActionRecord) and turn.turn == len(acted) + 1:
                acted.append(turn)
        return acted

    def write_turn(self, turn: TurnRecord) -> None:
        self._turns.append(turn.model_dump_json())

    def write_request(self, episode_id: str, turn: int, messages: list[Any], tools: list[Any] | None) -> None:
        """Write a request to the model as the difference from the episode's previous one."""
        before, offered = self._requests.get(episode_id, ([], None))
        pairs = zip(before, messages, strict=False)
        kept = next((offset for offset, (old, new) in enumerate(pairs) if old != new), min(len(before), len(messages)))
        is_same = episode_id in self._requests and offered == tools
        self.write_turn(
            RequestRecord(
                episode_id=episode_id,
                turn=turn,
                kept=kept,
                messages=messages[kept:],
                has_same_tools=is_same,
                tools=None if is_same else tools,
            )
        )
        self._requests[episode_id] = (messages, tools)

    def write_result(self, result: EpisodeResult) -> None:
        """Write the result, after which the episode counts as finished."""
        self._requests.pop(result.episode_id, None)
        self._results.append(result.model_dump_json())
        self._finished.add((result.entry, result.trial))

    def write_failure(self, failure: EpisodeFailure) -> None:
        self._errors.append(failure.model_dump_json())

    def shares_registry(self, registry: Any) -> bool:
        """Whether the registry of fields is the one that the folder keeps for most first observations; the first is kept."""
        if self._registry is None:
            write_json_atomically(self.path / REGISTRY, registry)
            self._registry = registry
        return bool(self._registry == registry)


def check_is_free(path: Path) -> None:
    """Raise ``FolderTakenError`` if the folder is not empty."""
    # Files that a run may have left that was killed before its start are ignored.
    beginnings = {LOCK, SCHEMA}
    if path.exists() and not path.is_dir():
        raise FolderTakenError(f"{path} is a file; name a folder with --out")
    if path.is_dir() and any(each.name not in beginnings and each.suffix != ".unfinished" for each in path.iterdir()):
        raise FolderTakenError(f"{path} is not empty; name another folder with --out, or go on there with --resume")


def create_folder(path: Path, header: RunHeader, schema: Any) -> None:
    """Make the folder of a new run.

    Raises:
        FolderTakenError: there is something in it.
        UnwritableFolderError: it cannot be made.
    """
    check_is_free(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableFolderError(f"cannot make the folder {path}: {error.strerror}") from error
    write_json_atomically(path / SCHEMA, schema)
    # Last: a folder without a header has no run.
    write_json_atomically(path / HEADER, header.model_dump(mode="json"))


def check_has_run(path: Path) -> None:
    """Raise ``NoRunError`` if there is no run to resume."""
    if not (path / HEADER).is_file():
        raise NoRunError(
            f"{path} holds no run to go on with: there is no {HEADER} in it; leave out --resume to begin one"
        )


def read_header(path: Path) -> RunHeader:
    """The header of a run.

    Raises:
        NoRunError: there is none, or it cannot be read.
    """
    try:
        return RunHeader.model_validate_json((path / HEADER).read_bytes())
    except OSError as error:
        raise NoRunError(f"{path} holds no run: there is no {HEADER} in it") from error
    except ValidationError as error:
        raise NoRunError(f"{path / HEADER} cannot be read: {error.errors()[0]['msg']}") from error


def read_results(path: Path) -> Iterator[EpisodeResult]:
    """The results of a run, one after another; none twice."""
    seen: set[str] = set()
    for result in _read(path / RESULTS, EpisodeResult):
        if result.episode_id not in seen:
            seen.add(result.episode_id)
            yield result


def read_failures(path: Path) -> Iterator[EpisodeFailure]:
    return _read(path / ERRORS, EpisodeFailure)


def _read(path: Path, kind: type[Kind]) -> Iterator[Kind]:
    for _, line in read_lines(path):
        try:
            yield kind.model_validate_json(line)
        except ValidationError as error:
            raise NoRunError(f"{path} holds a line that cannot be read: {error.errors()[0]['msg']}") from error


def _unfinished_turns(path: Path, unfinished: set[str]) -> tuple[dict[str, list[int]], ModelUsage]:
    """Offsets of the actions of unfinished episodes, and the usage of the whole run so far."""
    offsets: dict[str, list[int]] = {}
    last: dict[str, ModelUsage] = {}
    for offset, line in read_lines(path / TURNS):
        if not line.startswith('{"kind":"acted"'):
            continue
        turn = TURN_RECORD_ADAPTER.validate_json(line)
        if isinstance(turn, ActionRecord):
            if turn.usage is not None:
                last[turn.episode_id] = turn.usage
            if turn.episode_id in unfinished:
                offsets.setdefault(turn.episode_id, []).append(offset)
    return offsets, sum(last.values(), NOTHING_USED)


def _lock_folder(path: Path) -> int:
    """Lock the folder; the operating system releases the lock when the process ends."""
    try:
        lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise UnwritableFolderError(f"cannot write in {path}: {error.strerror}") from error
    try:
        import fcntl
    except ImportError:  # Windows: no lock
        return lock
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise FolderTakenError(f"another runner is writing in {path}") from error
    return lock
