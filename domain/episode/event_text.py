"""The text of events and of ends of episodes: the only wording that pages, live feed and replay show.

Rule 1: ``title`` and ``END_REASON_TEXT`` hold names of tasks, artifacts and checks only, so that a running episode may
show them to every viewer. Rule 2: what the agent wrote is in ``agent_input`` and ``line`` only; both are for viewers who
may see it.
"""

from __future__ import annotations

import json
from typing import Mapping, NamedTuple

from domain.diagnosis import Diagnosis, PatchEntry
from domain.events import (
    ActionRefused,
    ArtifactRead,
    CheckRun,
    DiagnosisSubmitted,
    EpisodeExpired,
    EpisodeReset,
    Event,
    ExperimentRun,
    FieldQueried,
)

END_REASON_TEXT: Mapping[str, str] = {
    "submitted": "diagnosed",
    "steps": "out of steps",
    "idle": "left idle",
    "abandoned": "abandoned",
}


class EventText(NamedTuple):
    """One event in words."""

    title: str
    """What was done, without anything that the agent wrote itself."""
    line: str
    """What was done in one line, with what the agent wrote and, for a submission, the score."""
    agent_input: str | None = None
    """The filter, field, patch or diagnoses that the agent wrote; None: it wrote nothing."""


def event_text(event: Event) -> EventText:
    """The words for an event."""
    match event:
        case EpisodeReset():
            line = f"reset: task {event.task_id}, seed {event.seed}, rewards {event.reward_mode}"
            return EventText(f"Began, task {event.task_id}", line)
        case ArtifactRead():
            where = f" where {event.log_filter!r}" if event.log_filter else ""
            return EventText(f"Read {event.artifact}", f"read {event.artifact}{where}", event.log_filter)
        case FieldQueried():
            return EventText(f"Queried {event.artifact}", f"query {event.artifact} {event.field}", event.field)
        case CheckRun():
            return EventText(f"Checked {event.check}", f"check {event.check}")
        case ExperimentRun():
            patched = _patch(event.patch)
            return EventText(f"Ran experiment {event.number}", f"experiment {event.number}: {patched}", patched)
        case ActionRefused():
            return _refused(event)
        case DiagnosisSubmitted():
            entries = "; ".join(_root_cause(each) for each in event.diagnoses)
            line = f"submit: {entries or 'nothing is wrong'}: score {event.grade.score}"
            submitted = ", ".join(each.model_dump_json(exclude_none=True) for each in event.diagnoses)
            return EventText("Submitted a diagnosis", line, submitted)
        case EpisodeExpired():
            return EventText(f"Closed: {end_reason_text(event.reason)}", f"expired: {event.reason}")


def _refused(event: ActionRefused) -> EventText:
    if event.reason == "invalid_action":
        return EventText("Sent an invalid action, refused", f"refused: invalid action: {event.text}", event.text)
    if event.patch is not None:
        patched = _patch(event.patch)
        return EventText(
            "Asked for an experiment, refused", f"refused: experiment: {patched} ({event.reason})", patched
        )
    if event.field is None:
        return EventText(f"Read {event.artifact}, refused", f"refused: {event.artifact} ({event.reason})")
    line = f"refused: {event.artifact} {event.field} ({event.reason})"
    return EventText(f"Queried {event.artifact}, refused", line, event.field)


def _patch(patch: tuple[PatchEntry, ...]) -> str:
    entries = (f"{each.file} {each.field} = {json.dumps(each.value, ensure_ascii=False)}" for each in patch)
    return "; ".join(entries) or "nothing changed"


def end_reason_text(end_reason: str | None) -> str:
    """How an episode ended; None: it runs."""
    return "running" if end_reason is None else END_REASON_TEXT.get(end_reason, end_reason)


def _root_cause(diagnosis: Diagnosis) -> str:
    return f"{diagnosis.failure_category}, {diagnosis.root_cause_file}, {diagnosis.root_cause_field}"
