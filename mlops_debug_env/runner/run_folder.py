"""The folder of a run: its header, results, errors and turns. A lock admits one runner at a time."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mlops_debug_env.agents.llm.transcript import ModelReply
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
    RankedEntry,
    ReplyRecord,
    RequestRecord,
    RunHeader,
    TurnRecord,
)
from mlops_debug_env.runner.redaction import Redactor

HEADER = "run.json"
REGISTRY = "fields.json"
SCHEMA = "actions.json"
SUMMARY = "summary.json"
RESULTS = "results.jsonl"
ERRORS = "errors.jsonl"
TURNS = "turns.jsonl"
LOCK = "lock"

_BEGAN = '{"kind":"began","episode_id":"'
_COUNTED = ('{"kind":"acted"', '{"kind":"answered"')
Kind = TypeVar("Kind", bound=BaseModel)


class NoRunError(ValueError):
    """There is no run in the folder."""


class FolderTakenError(ValueError):
    """The folder is not empty, or another runner writes in it."""


@dataclass(slots=True)
class RecordedTurns:
    """What an unfinished episode had come to."""

    actions: list[ActionRecord] = field(default_factory=list)
    replies: list[list[ModelReply]] = field(default_factory=list)
    """Of each action, the model's replies that led to it."""
    undecided: ModelUsage = NOTHING_USED
    """What the model used after the last action, for one that was never written."""


class RunFolder:
    """Reads and writes the files of a run.

    Args:
        path: the folder.
        header: of the run in it.
        redactor: keeps secrets out of what models and errors say.
    """

    def __init__(self, path: Path, header: RunHeader, *, redactor: Redactor | None = None) -> None:
        self.path = path
        self.header = header
        self.redactor = redactor or Redactor()
        self._lock = _lock_folder(path)
        self._results = JsonLines(path / RESULTS)
        self._errors = JsonLines(path / ERRORS)
        self._turns = JsonLines(path / TURNS)
        self._finished = {(each.entry, each.trial) for each in read_results(path)}
        finished = {each.episode_id for each in read_results(path)}
        self._offsets, self.used_before = _unfinished_turns(path, finished)
        self._begun = _begun(path) - finished
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
        """The episodes that have no result yet, in a fixed order: first those that were begun, so that what was paid for comes to a
        result."""
        planned = [
            PlannedEpisode(
                run_id=self.header.run_id,
                number=number,
                entry=entry,
                trial=trial,
                episode_secret=self.header.episode_secret,
            )
            for trial in range(self.header.trials)
            for number, entry in enumerate(self.header.entries)
            if (entry.key, trial) not in self._finished
        ]
        return iter(sorted(planned, key=lambda each: not self._is_begun(each)))

    def left(self) -> list[PlannedEpisode]:
        """The episodes that were begun when the folder was opened and have no result."""
        return [each for each in self.pending() if self._is_begun(each)]

    def _is_begun(self, planned: PlannedEpisode) -> bool:
        entry = planned.entry
        if isinstance(entry, RankedEntry):  # the server's name begins with the key's prefix
            return any(each.endswith(f".{entry.key}") for each in self._begun)
        return planned.episode_id in self._begun

    def recorded_turns(self, episode_id: str) -> RecordedTurns:
        """The recorded actions of an unfinished episode; can be read once."""
        recorded = RecordedTurns()
        replies: list[ModelReply] = []
        for offset in self._offsets.pop(episode_id, ()):
            turn = TURN_RECORD_ADAPTER.validate_json(read_line_at(self.path / TURNS, offset))
            if isinstance(turn, ReplyRecord):
                recorded.undecided += turn.reply.usage
                replies.append(turn.reply)
            elif isinstance(turn, ActionRecord) and turn.turn == len(recorded.actions) + 1:
                recorded.actions.append(turn)
                recorded.replies.append(replies)
                recorded.undecided, replies = NOTHING_USED, []
        return recorded

    def write_turn(self, turn: TurnRecord) -> None:
        if isinstance(turn, ActionRecord):  # its action is sent again on resume, so it must stay what it is
            turn = turn.model_copy(update={"said": self.redactor.value(turn.said)})
        self._turns.append(turn.model_dump_json())

    def write_reply(self, episode_id: str, turn: int, reply: ModelReply) -> None:
        """Write the end of a request to the model."""
        error = None if reply.error is None else self.redactor.error(reply.error)
        shown = {"message": reply.message, "problem": reply.problem, "error": error}
        redacted = reply.model_copy(update=self.redactor.value(shown))
        self.write_turn(ReplyRecord(episode_id=episode_id, turn=turn, reply=redacted))

    def write_request(
        self,
        episode_id: str,
        turn: int,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] | None,
        parameters: Mapping[str, Any],
    ) -> None:
        """Write a request to the model as the difference from the episode's previous one."""
        written: list[dict[str, Any]] = self.redactor.value(messages)
        tools_written: list[dict[str, Any]] | None = self.redactor.value(tools)
        before, offered = self._requests.get(episode_id, ([], None))
        pairs = zip(before, written, strict=False)
        kept = next((offset for offset, (old, new) in enumerate(pairs) if old != new), min(len(before), len(written)))
        is_same = episode_id in self._requests and offered == tools_written
        self.write_turn(
            RequestRecord(
                episode_id=episode_id,
                turn=turn,
                kept=kept,
                messages=written[kept:],
                has_same_tools=is_same,
                tools=None if is_same else tools_written,
                parameters=self.redactor.value(parameters),
            )
        )
        self._requests[episode_id] = (written, tools_written)

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
            f"{path} contains no run to go on with: there is no {HEADER} in it; leave out --resume to begin one"
        )


def read_header(path: Path) -> RunHeader:
    """The header of a run.

    Raises:
        NoRunError: there is none, or it cannot be read.
    """
    try:
        return RunHeader.model_validate_json((path / HEADER).read_bytes())
    except OSError as error:
        raise NoRunError(f"{path} contains no run: there is no {HEADER} in it") from error
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


def _unfinished_turns(path: Path, finished: set[str]) -> tuple[dict[str, list[int]], ModelUsage]:
    """Offsets of the actions and replies of unfinished episodes, and the usage of the whole run so far."""
    offsets: dict[str, list[int]] = defaultdict(list)
    decided: dict[str, ModelUsage] = {}
    undecided: dict[str, ModelUsage] = {}
    for offset, line in read_lines(path / TURNS):
        if not line.startswith(_COUNTED):
            continue
        turn = TURN_RECORD_ADAPTER.validate_json(line)
        if isinstance(turn, ReplyRecord):
            undecided[turn.episode_id] = undecided.get(turn.episode_id, NOTHING_USED) + turn.reply.usage
        elif isinstance(turn, ActionRecord) and turn.usage is not None:  # of the episode so far
            decided[turn.episode_id] = turn.usage
            undecided.pop(turn.episode_id, None)
        if turn.episode_id not in finished:
            offsets[turn.episode_id].append(offset)
    return dict(offsets), sum((*decided.values(), *undecided.values()), NOTHING_USED)


def _begun(path: Path) -> set[str]:
    """The ids of the episodes that were reset."""
    lines = (line for _, line in read_lines(path / TURNS) if line.startswith(_BEGAN))
    return {line.removeprefix(_BEGAN).partition('"')[0] for line in lines}


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
