"""An episode's events as entries of a timeline: what was done, what it showed, what it earned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Sequence

from pydantic_core import from_json

from domain.chain import Link
from domain.episode.decide import EpisodeState, evolve
from domain.episode.evidence import EvidenceView
from domain.episode.state import SHOWN_DECIMALS
from domain.events import (
    ActionRefused,
    ArtifactRead,
    CheckRun,
    DiagnosisSubmitted,
    EncodedEvent,
    EpisodeExpired,
    EpisodeReset,
    Event,
    FieldQueried,
    decode,
)
from domain.tasks.table import TASKS
from domain.types import TaskId
from server.episodes.errors import UnfoldableEpisodeError
from server.storage.stream_codec import decode_link
from server.web.pages.formatting import format_end, gap_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event on a timeline."""

    number: int
    """0: the reset."""
    kind: str
    title: str
    """What was done, in names of artifacts and checks only."""
    written: str | None
    """What the agent wrote itself: a filter or a field; null: nothing, or not shown."""
    result: dict[str, Any] | None
    """``last_action_result`` as the agent saw it; null: there is none, or it is not shown."""
    reward: float | None
    """Null: the reset, which cannot earn."""
    total: float
    recorded_at: str
    gap_ms: float | None
    """Since the event before; null: there is none."""

    @property
    def meaning(self) -> tuple[str, str, str | None]:
        """What two episodes are compared by."""
        return (self.kind, self.title, self.written)


@dataclass(frozen=True, slots=True)
class Folding:
    """A stream, decoded and folded."""

    links: tuple[Link, ...]
    events: tuple[Event, ...]
    states: tuple[EpisodeState, ...]
    """The state after each event."""

    @property
    def state(self) -> EpisodeState:
        return self.states[-1]


def fold_stream(links: Sequence[Link]) -> Folding:
    """All states of a stream that is not empty; raises ``UnfoldableEpisodeError``."""
    states: list[EpisodeState] = []
    try:
        events = tuple(decode_link(each) for each in links)
        for event in events:
            states.append(evolve(states[-1] if states else None, event))
    except ValueError as error:  # what validation, an unknown kind and an invalid history have in common
        raise UnfoldableEpisodeError(links[0].stream_id) from error
    return Folding(tuple(links), events, tuple(states))


def timeline(folding: Folding, view: EvidenceView | None) -> tuple[Entry, ...]:
    """The entries of an episode. Without a view neither results nor the agent's own words are shown."""
    return tuple(_entry(folding, view, at) for at in range(len(folding.events)))


def _entry(folding: Folding, view: EvidenceView | None, at: int) -> Entry:
    event, link = folding.events[at], folding.links[at]
    before = folding.states[at - 1].total_reward if at else 0.0
    return Entry(
        number=at,
        kind=event.kind,
        title=title_of(event),
        written=_written(event) if view is not None else None,
        result=_result(event, view) if view is not None else None,
        reward=round(folding.states[at].total_reward - before, SHOWN_DECIMALS) if at else None,
        total=folding.states[at].total_reward,
        recorded_at=link.recorded_at,
        gap_ms=gap_ms(folding.links[at - 1].recorded_at, link.recorded_at) if at else None,
    )


def title_of(event: Event) -> str:
    """What was done, without anything that the agent wrote itself: fit for everybody's eyes while the episode runs."""
    match event:
        case EpisodeReset():
            return f"Began, task {event.task_id}"
        case ArtifactRead():
            return f"Read {event.artifact}"
        case FieldQueried():
            return f"Queried {event.artifact}"
        case CheckRun():
            return f"Checked {event.check}"
        case ActionRefused():
            return f"Queried {event.artifact}, refused"
        case DiagnosisSubmitted():
            return "Submitted a diagnosis"
        case EpisodeExpired():
            return f"Closed: {format_end(event.reason)}"


def title_of_stored(kind: str, schema_version: int, payload: str) -> str:
    """The same, of an event as it is stored. One that this program did not write must not end whoever reads on."""
    try:
        return title_of(decode(EncodedEvent(kind, schema_version, payload.encode())))
    except (
        ValueError,
        AttributeError,
    ):  # what validation and an unknown kind have in common; a payload that is no text
        return "An event that cannot be read"


def steps_allowed(task_id: TaskId, reset_payload: Any) -> int:
    """How many steps an episode has, by its stored reset; one that cannot be read has as many as a new episode of its task."""
    try:
        return int(from_json(reset_payload)["max_steps"])
    except (ValueError, TypeError, KeyError):
        return TASKS[task_id].max_steps()


def _written(event: Event) -> str | None:
    match event:
        case ArtifactRead():
            return event.log_filter
        case FieldQueried() | ActionRefused():
            return event.field
        case DiagnosisSubmitted():
            return ", ".join(said.model_dump_json(exclude_none=True) for said in event.diagnoses)
        case _:
            return None


def _result(event: Event, view: EvidenceView) -> dict[str, Any] | None:
    if isinstance(event, EpisodeExpired):
        return None
    result: dict[str, Any] = from_json(view.result_of(event))
    return result
