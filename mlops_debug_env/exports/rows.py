"""The rows of each export, made one at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mlops_debug_env.connection import DebugClient
from mlops_debug_env.evaluation.folder import read_header, read_results
from mlops_debug_env.evaluation.records import EpisodeResult
from mlops_debug_env.exports.transcripts import Transcripts, in_columns, read_tools

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
    """An event's payload is not what its digest says."""


def result_rows(paths: Sequence[Path]) -> Iterator[Row]:
    """One row for each finished episode."""
    for path in paths:
        read_header(path)
        for result in read_results(path):
            yield result.model_dump(mode="json")


def chat_rows(paths: Sequence[Path], *, least_score: float = 0.0) -> Iterator[Row]:
    """One conversation for each finished episode that scored enough."""
    for path in paths:
        read_header(path)
        transcripts, tools = Transcripts(path), read_tools(path)
        for result in read_results(path):
            if result.score >= least_score:
                transcript = transcripts.read(result.episode_id)
                yield {
                    **_origin(result),
                    "score": result.score,
                    "reward": result.total_reward,
                    "is_right": result.is_right,
                    "messages": list(in_columns(transcript.prompt + transcript.completion)),
                    "tools": tools,
                }


class _Candidate(NamedTuple):
    result: EpisodeResult
    path: Path


def preference_rows(paths: Sequence[Path], *, least_gap: float = 0.1) -> Iterator[Row]:
    """The best and the worst episode of each entry, where they are far enough apart."""
    best: dict[str, _Candidate] = {}
    worst: dict[str, _Candidate] = {}
    for path in paths:
        read_header(path)
        for result in read_results(path):
            candidate = _Candidate(result, path)
            if result.entry not in best or result.score > best[result.entry].result.score:
                best[result.entry] = candidate
            if result.entry not in worst or result.score < worst[result.entry].result.score:
                worst[result.entry] = candidate
    transcripts = {path: Transcripts(path) for path in paths}
    tools = {path: read_tools(path) for path in paths}
    for entry, chosen in best.items():
        rejected = worst[entry]
        if chosen.result.score - rejected.result.score >= least_gap:
            preferred = transcripts[chosen.path].read(chosen.result.episode_id)
            other = transcripts[rejected.path].read(rejected.result.episode_id)
            yield {
                "entry": entry,
                "task_id": chosen.result.task_id,
                "seed": chosen.result.seed,
                "fault_id": chosen.result.fault_id,
                "prompt": list(in_columns(preferred.prompt)),
                "chosen": list(in_columns(preferred.completion)),
                "rejected": list(in_columns(other.completion)),
                "chosen_score": chosen.result.score,
                "rejected_score": rejected.result.score,
                "chosen_episode_id": chosen.result.episode_id,
                "rejected_episode_id": rejected.result.episode_id,
                "tools": tools[chosen.path],
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
            f"event {event['version']} of {event['stream_id']} is not what its digest says; run mlops-debug audit on it"
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
