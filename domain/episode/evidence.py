"""Evidence as an agent is shown it: one result for one action, encoded once and kept with the scenario."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Mapping

from domain.episode.log_filter import filter_lines
from domain.episode.query import MISSING, is_warehouse, parse_document, query_document, query_lines
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
from domain.scenario import Evidence
from domain.types import ARTIFACT_NAMES, ArtifactName, SanityCheckName

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

    __slots__ = ("_checks", "_documents", "_front", "_hashed", "_texts", "evidence")

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
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
                "available_artifacts": [self._listing(name) for name in ARTIFACT_NAMES if self.has_artifact(name)],
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

    def hash_result(self, before: bytes, event: Event) -> hashlib._Hash:
        """A SHA-256 that has taken ``before`` and the result, and may go on. The results that most steps show, whole texts
        and checks, are hashed once: they are long, and what follows them in an observation is short."""
        match event:
            case ArtifactRead(log_filter=None):
                key = before, str(event.artifact)
            case CheckRun():
                key = before, str(event.check)
            case _:
                return hashlib.sha256(before + self.result_of(event))
        known = self._hashed.get(key)
        if known is None:
            known = self._hashed[key] = hashlib.sha256(before + self.result_of(event))
        return known.copy()

    def has_artifact(self, artifact: ArtifactName) -> bool:
        """Whether the scenario has it."""
        return artifact in self.evidence.artifacts

    def shown_text(self, artifact: ArtifactName) -> str:
        """What reading the whole artifact shows: its text, or the contents of a warehouse."""
        document = self._document(artifact)
        if is_warehouse(document):
            return json.dumps(document["contents"], indent=1, ensure_ascii=False) + "\n"
        return self.evidence.artifacts[artifact]

    def has_field(self, artifact: ArtifactName, field: str) -> bool:
        """Whether a query can be answered."""
        return self._value(artifact, field) is not MISSING

    def _listing(self, name: ArtifactName) -> dict[str, str]:
        lines = len(self.shown_text(name).splitlines())
        return {"name": name, "description": ARTIFACT_DESCRIPTIONS[name], "size_hint": f"{lines} lines"}

    def _read(self, event: ArtifactRead) -> bytes:
        text = self.shown_text(event.artifact)
        if event.log_filter is not None:
            lines = filter_lines(text, event.log_filter)
            return _read_result(event.artifact, event.log_filter, "".join(f"{line}\n" for line in lines))
        known = self._texts.get(event.artifact)
        if known is None:
            known = self._texts[event.artifact] = _read_result(event.artifact, None, text)
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
        case _ if event.text is not None:
            return event.text
        case _:
            return f"{event.artifact} has no field {event.field!r}"


def _read_result(artifact: ArtifactName, log_filter: str | None, content: str) -> bytes:
    return encode_json({"status": "ok", "artifact": artifact, "filter": log_filter, "content": content})
