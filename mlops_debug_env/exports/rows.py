"""Generates the rows of each export."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mlops_debug_env.exports.transcripts import Transcript, Transcripts, in_columns
from mlops_debug_env.runner.records import EpisodeResult
from mlops_debug_env.runner.run_folder import read_header, read_results
from mlops_debug_env.transport.async_client import DebugClient

Row = dict[str, Any]

_ENVELOPE = (
    "stream_id",
    "version",
    "position",
    "kind",
    "schema_version",
    "recorded_at",
    "actor",
    "request_id",
    "payload_digest",
    "prev_hash",
    "hash",
)


class ChangedEventError(ValueError):
    """An event's payload does not have the recorded digest."""


def result_rows(paths: Sequence[Path]) -> Iterator[Row]:
    """One row for each finished episode."""
    for path in paths:
        read_header(path)
        for result in read_results(path):
            yield result.model_dump(mode="json")


def chat_rows(paths: Sequence[Path], *, least_score: float = 0.0) -> Iterator[Row]:
    """One conversation for each finished episode that scored enough."""
    for path in paths:
        transcripts = Transcripts(path, read_header(path))
        for result in read_results(path):
            if result.score >= least_score:
                transcript = transcripts.read(result.episode_id)
                yield {
                    **_origin(result),
                    "score": result.score,
                    "reward": result.total_reward,
                    "is_right": result.is_right,
                    "messages": list(in_columns(transcript.prompt + transcript.completion)),
                    "tools": transcript.tools,
                }


class _Candidate(NamedTuple):
    result: EpisodeResult
    path: Path


class _Pair(NamedTuple):
    best: _Candidate
    worst: _Candidate

    @property
    def gap(self) -> float:
        return self.best.result.score - self.worst.result.score

    def with_one_more(self, found: _Candidate) -> _Pair:
        best = found if found.result.score > self.best.result.score else self.best
        worst = found if found.result.score < self.worst.result.score else self.worst
        return _Pair(best, worst)


def preference_rows(paths: Sequence[Path], *, least_gap: float = 0.1) -> Iterator[Row]:
    """For each entry the best and the worst of the episodes with equal prompt and tools, if they are far enough apart; of
    several such pairs, the one with the largest gap."""
    transcripts = {path: Transcripts(path, read_header(path)) for path in paths}
    alike: dict[str, dict[str, _Pair]] = {}
    for path in paths:
        for result in read_results(path):
            found, prompt_digest = _Candidate(result, path), _prompt_digest(transcripts[path].read(result.episode_id))
            pairs = alike.setdefault(result.entry, {})
            pairs[prompt_digest] = (
                pairs[prompt_digest].with_one_more(found) if prompt_digest in pairs else _Pair(found, found)
            )
    for entry, pairs in alike.items():
        pair = max(pairs.values(), key=lambda each: each.gap)
        if pair.gap >= least_gap:
            yield _preference(entry, pair, transcripts)


def _prompt_digest(transcript: Transcript) -> str:
    """Digest of prompt and tools."""
    return hashlib.sha256(json.dumps([transcript.prompt, transcript.tools]).encode()).hexdigest()


def _preference(entry: str, pair: _Pair, transcripts: Mapping[Path, Transcripts]) -> Row:
    chosen, rejected = pair.best.result, pair.worst.result
    preferred = transcripts[pair.best.path].read(chosen.episode_id)
    other = transcripts[pair.worst.path].read(rejected.episode_id)
    return {
        "entry": entry,
        "task_id": chosen.task_id,
        "seed": chosen.seed,
        "fault_id": chosen.fault_id,
        "prompt": list(in_columns(preferred.prompt)),
        "chosen": list(in_columns(preferred.completion)),
        "rejected": list(in_columns(other.completion)),
        "chosen_score": chosen.score,
        "rejected_score": rejected.score,
        "chosen_episode_id": chosen.episode_id,
        "rejected_episode_id": rejected.episode_id,
        "tools": preferred.tools,
    }


async def event_rows(paths: Sequence[Path], client: DebugClient) -> AsyncIterator[Row]:
    """Every recorded event of each finished episode, asked from the server.

    Raises:
        ChangedEventError: a payload does not fit its digest.
    """
    for path in paths:
        header = read_header(path)
        for result in read_results(path):
            for event in await client.events(result.episode_id):
                yield {"run_id": header.run_id, **{name: event[name] for name in _ENVELOPE}, "payload": _payload(event)}


def _payload(event: dict[str, Any]) -> str | None:
    """The payload's canonical text: payloads differ in shape, and a table has one type for a column."""
    if event["payload"] is None:
        return None
    text = json.dumps(event["payload"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    if hashlib.sha256(text.encode()).hexdigest() != event["payload_digest"]:
        raise ChangedEventError(
            f"event {event['version']} of {event['stream_id']} does not have the recorded digest; run mlops-debug audit on it"
        )
    return text


def _origin(result: EpisodeResult) -> Row:
    return {
        "episode_id": result.episode_id,
        "run_id": result.run_id,
        "agent": result.agent,
        "model": result.model,
        "task_id": result.task_id,
        "seed": result.seed,
        "trial": result.trial,
        "fault_id": result.fault_id,
    }
