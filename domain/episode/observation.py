"""What the agent may see after an event: bytes that depend on the seed and the actions alone.

No clock, no random id, and no way from here to the fault: the truth is shown after the end by the server.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache, lru_cache
from typing import Any, Mapping, NamedTuple

from domain.episode.query import MISSING, filter_lines, has_blocks, parse_document, query_document, query_lines
from domain.episode.state import EpisodeState
from domain.events import (
    ActionRefused,
    ArtifactRead,
    CheckRun,
    DiagnosisSubmitted,
    EpisodeReset,
    Event,
    ExperimentRun,
    FieldQueried,
)
from domain.json import encode_json
from domain.rubric import rubric_of
from domain.scenario import Evidence
from domain.tasks.table import TASKS
from domain.types import ARTIFACT_NAMES, SANITY_CHECK_NAMES, ArtifactName, SanityCheckName, TaskId

OBSERVATION_VERSION = "2"
"""Raise it with every change of words or shape: recorded digests compare only within one version."""
WITHOUT_EXPERIMENTS = "1"
"""The version before there were experiments. Episodes that were begun under it keep its shape."""
OBSERVATION_VERSIONS = frozenset({WITHOUT_EXPERIMENTS, OBSERVATION_VERSION})
"""Those that this program can show, and audit."""

DIGEST_HEX_DIGITS = 32
_RESULT = b'"last_action_result":'

ARTIFACT_DESCRIPTIONS: Mapping[ArtifactName, str] = {
    "config.yaml": "The configuration the training run was started with",
    "train.log": "The log of the training run, one line for each epoch",
    "dataset_stats.json": "Statistics of the data set, its splits and its features",
    "preprocessing.py": "The code that loads, splits and preprocesses the data",
    "eval_results.json": "The results of the final evaluation",
    "model_card.json": "The description of the trained model",
    "data_sources.yaml": "The declared data sources, and how they are joined",
    "data_slices.json": "Statistics by source and month: reading gives the table of contents, a query one block of it",
    "train.py": "The code that trains the model",
    "changes.diff": "All changes of declarations since the last good run",
    "previous_run.json": "The last good run: its log, its slices in brief, its results",
}


class EvidenceView:
    """The results of actions on one scenario's evidence. Keeps what it encoded and hashed: at most one result for each
    artifact and check, and the parsed documents."""

    __slots__ = ("_checks", "_documents", "_front", "_hashed", "_texts", "artifacts", "evidence")

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.artifacts = evidence.artifacts
        """As they are stored, those that the scenario has."""
        self._texts: dict[ArtifactName, bytes] = {}
        self._checks: dict[SanityCheckName, bytes] = {}
        self._hashed: dict[tuple[bytes, str], hashlib._Hash] = {}
        self._documents: dict[ArtifactName, Any] = {}
        self._front: bytes | None = None

    def front_page(self) -> bytes:
        """The keys of the reset observation that belong to this scenario, as JSON without the outer braces."""
        if self._front is None:
            front = {
                "run_id": self.evidence.run_id,
                "run_summary": self.evidence.run_summary.model_dump(mode="json"),
                "available_artifacts": [self._listing(name) for name in ARTIFACT_NAMES if name in self.artifacts],
            }
            self._front = encode_json(front)[1:-1]
        return self._front

    def result_of(self, event: Event) -> bytes:
        """``last_action_result`` after an event that was an action or a reset, as JSON."""
        match event:
            case ArtifactRead():
                return self._read(event)
            case CheckRun():
                return self._check(event.check)
            case FieldQueried():
                return self._query(event)
            case ExperimentRun():
                return encode_json({"status": "ok", "experiment": event.result.model_dump(mode="json")})
            case ActionRefused():
                message = f"{_refusal(event)}; the step is spent"
                return encode_json({"status": "refused", "reason": event.reason, "message": message})
            case DiagnosisSubmitted():
                return encode_json({"status": "submitted", "score": event.grade.score})
            case EpisodeReset():
                return b'{"status":"reset"}'
            case _:
                raise ValueError(f"{event.kind!r} is no action")

    def hash_result(self, before: bytes, event: Event, result: bytes) -> hashlib._Hash:
        """A SHA-256 of ``before`` and the event's result, to be updated with what follows. Whole texts and checks, which most
        steps show, are hashed once: they are long, and what follows them in an observation is short."""
        match event:
            case ArtifactRead(log_filter=None):
                key = before, str(event.artifact)
            case CheckRun():
                key = before, str(event.check)
            case _:
                return hashlib.sha256(before + result)
        known = self._hashed.get(key)
        if known is None:
            known = self._hashed[key] = hashlib.sha256(before + result)
        return known.copy()

    def shown_text(self, artifact: ArtifactName) -> str:
        """What reading the whole artifact shows: its text, or the contents of a document with blocks."""
        document = self._document(artifact)
        if has_blocks(document):
            return json.dumps(document["contents"], indent=1, ensure_ascii=False) + "\n"
        return self.evidence.artifacts[artifact]

    def has_field(self, artifact: ArtifactName, field: str) -> bool:
        """Whether a query can be answered."""
        return self._value(artifact, field) is not MISSING

    def _listing(self, name: ArtifactName) -> dict[str, str]:
        lines = len(self.shown_text(name).splitlines())
        return {"name": name, "description": ARTIFACT_DESCRIPTIONS[name], "size_hint": f"{lines} lines"}

    def _read(self, event: ArtifactRead) -> bytes:
        if event.log_filter is not None:
            lines = filter_lines(self.artifacts[event.artifact], event.log_filter)
            return _read_result(event.artifact, event.log_filter, "".join(f"{line}\n" for line in lines))
        known = self._texts.get(event.artifact)
        if known is None:
            known = self._texts[event.artifact] = _read_result(event.artifact, None, self.shown_text(event.artifact))
        return known

    def _check(self, check: SanityCheckName) -> bytes:
        known = self._checks.get(check)
        if known is None:
            result = self.evidence.checks[check].model_dump(mode="json")
            known = self._checks[check] = encode_json({"status": "ok", "sanity_check": result})
        return known

    def _query(self, event: FieldQueried) -> bytes:
        value = self._value(event.artifact, event.field)
        return encode_json({"status": "ok", "artifact": event.artifact, "field": event.field, "value": value})

    def _document(self, artifact: ArtifactName) -> Any:
        if artifact not in self._documents:
            self._documents[artifact] = parse_document(artifact, self.evidence.artifacts[artifact])
        return self._documents[artifact]

    def _value(self, artifact: ArtifactName, field: str) -> Any:
        document = self._document(artifact)
        if document is MISSING:
            return query_lines(self.evidence.artifacts[artifact], field)
        return query_document(document, field)


def _refusal(event: ActionRefused) -> str:
    match event.reason:
        case "unknown_artifact":
            return f"this run has no {event.artifact}"
        case "no_experiments_left":
            return "no experiment is left"
        case "invalid_action":
            return f"this is no valid action: {event.text}"
        case _ if event.text is not None:
            return event.text
        case _:
            return f"{event.artifact} has no field {event.field!r}"


def _read_result(artifact: ArtifactName, log_filter: str | None, content: str) -> bytes:
    return encode_json({"status": "ok", "artifact": artifact, "filter": log_filter, "content": content})


def observe(view: EvidenceView, state: EpisodeState) -> bytes:
    """``"observation":…,"reward":…,"done":…`` after the latest step."""
    return _join(_opening(state.reset.task_id), view.result_of(state.last), state, _reward(state.last_reward))


class HashedObservation(NamedTuple):
    """The observation of a step, and what its event records of it."""

    shown: bytes
    """As `observe` gives it."""
    digest: str
    """As `observation_digest` gives it."""


def observe_and_hash(view: EvidenceView, state: EpisodeState) -> HashedObservation:
    """The observation after a step and its digest, made of the same parts."""
    opening = _opening(state.reset.task_id) + _RESULT
    result = view.result_of(state.last)
    closing = _closing(state, _reward(state.last_reward))
    hashed = view.hash_result(opening, state.last, result)
    hashed.update(closing)
    return HashedObservation(b"".join((opening, result, closing)), hashed.hexdigest()[:DIGEST_HEX_DIGITS])


def observe_reset(view: EvidenceView, state: EpisodeState, registry: bytes) -> bytes:
    """The same for a reset, or for a client that takes an episode up again: with everything an agent starts from.

    ``registry`` is the JSON of ``field_registry``, the same for every run of a family.
    """
    opening = b"".join(
        (
            _static(state.reset.task_id, state.reset.rubric_version),
            view.front_page(),
            b',"field_registry":',
            registry,
            b",",
        )
    )
    return _join(opening, view.result_of(state.last), state, _reward(state.last_reward))


def observe_final(view: EvidenceView, state: EpisodeState) -> bytes:
    """The same after the end: the final observation again, earning nothing."""
    return _join(_opening(state.reset.task_id), view.result_of(state.last), state, b"0.0")


def observation_digest(view: EvidenceView, state: EpisodeState) -> str:
    """What an event records of the observation it led to. Leaves out the registry, which belongs to no episode."""
    if state.step_count > 0:
        return observe_and_hash(view, state).digest
    return hashlib.sha256(observe_reset(view, state, b"null")).hexdigest()[:DIGEST_HEX_DIGITS]


@cache
def _opening(task_id: TaskId) -> bytes:
    return b'"observation":{' + encode_json({"task_id": task_id})[1:-1] + b","


@cache
def _static(task_id: TaskId, rubric_version: str) -> bytes:
    checks = encode_json({"sanity_checks": SANITY_CHECK_NAMES})[1:-1]
    description = encode_json({"task_description": TASKS[task_id].describe(rubric_of(rubric_version))})[1:-1]
    return b"".join((_opening(task_id), description, b",", checks, b","))


def _reward(reward: float | None) -> bytes:
    return b"null" if reward is None else repr(float(reward)).encode()


def _join(opening: bytes, result: bytes, state: EpisodeState, reward: bytes) -> bytes:
    return b"".join((opening, _RESULT, result, _closing(state, reward)))


def _closing(state: EpisodeState, reward: bytes) -> bytes:
    """What stands behind the result."""
    old = state.reset.observation_version == WITHOUT_EXPERIMENTS
    return b"".join(
        (
            b',"artifacts_read":',
            _names(state.artifacts_read),
            b',"checks_run":',
            _names(state.checks_run),
            b',"step_count":%d,"max_steps":%d' % (state.step_count, state.reset.max_steps),
            b"" if old else b',"experiments_left":%d' % (state.reset.max_experiments - state.experiments),
            b',"messages":[]},"reward":',
            reward,
            b',"done":true' if state.ended is not None else b',"done":false',
        )
    )


@lru_cache(maxsize=4096)
def _names(names: tuple[str, ...]) -> bytes:
    return encode_json(names)
