"""View model of a timeline: what each event did, what it showed and what it earned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Sequence

from pydantic_core import from_json

from domain.chain import Link
from domain.episode.decide import EpisodeState
from domain.episode.event_text import event_text
from domain.episode.observation import EvidenceView
from domain.episode.state import SHOWN_DECIMALS
from domain.events import DiagnosisSubmitted, EncodedEvent, EpisodeExpired, Event, decode
from domain.tasks.table import TASKS
from domain.types import TaskId
from server.episodes.errors import UnfoldableEpisodeError
from server.storage.stream_codec import fold_history
from server.web.pages.formatting import gap_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One event on a timeline."""

    number: int
    """0: the reset."""
    kind: str
    title: str
    """What was done, in names of artifacts and checks only."""
    agent_input: str | None
    """What the agent wrote, for example a filter or a field; None: nothing, or hidden."""
    result: dict[str, Any] | None
    """``last_action_result`` as the agent saw it; None: there is none, or it is hidden."""
    reward: float | None
    """None: the reset, which earns nothing."""
    total: float
    recorded_at: str
    gap_ms: float | None
    """Time since the event before; None: there is none."""

    @property
    def comparison_key(self) -> tuple[str, str, str | None]:
        """Equal in two entries if they did the same."""
        return (self.kind, self.title, self.agent_input)


@dataclass(frozen=True, slots=True)
class FoldedStream:
    """A stream, decoded and folded."""

    links: tuple[Link, ...]
    events: tuple[Event, ...]
    states: tuple[EpisodeState, ...]
    """The state after each event."""

    @property
    def state(self) -> EpisodeState:
        return self.states[-1]


def fold_stream(links: Sequence[Link]) -> FoldedStream:
    """All states of a stream that is not empty; raises ``UnfoldableEpisodeError``."""
    try:
        history = list(fold_history(links))
    except ValueError as error:  # what validation, an unknown kind and an invalid history have in common
        raise UnfoldableEpisodeError(links[0].stream_id) from error
    return FoldedStream(tuple(links), tuple(event for _, event, _ in history), tuple(state for _, _, state in history))


def build_timeline(
    stream: FoldedStream, view: EvidenceView | None, *, shows_answer: bool = True
) -> tuple[TimelineEntry, ...]:
    """The entries of an episode; without a view, results and the agent's input are hidden. ``shows_answer``: or those of the
    diagnosis."""
    return tuple(
        _entry(stream, view if shows_answer or not isinstance(event, DiagnosisSubmitted) else None, at)
        for at, event in enumerate(stream.events)
    )


def _entry(stream: FoldedStream, view: EvidenceView | None, at: int) -> TimelineEntry:
    event, link = stream.events[at], stream.links[at]
    words = event_text(event)
    before = stream.states[at - 1].total_reward if at else 0.0
    return TimelineEntry(
        number=at,
        kind=event.kind,
        title=words.title,
        agent_input=words.agent_input if view is not None else None,
        result=_result(event, view) if view is not None else None,
        reward=round(stream.states[at].total_reward - before, SHOWN_DECIMALS) if at else None,
        total=stream.states[at].total_reward,
        recorded_at=link.recorded_at,
        gap_ms=gap_ms(stream.links[at - 1].recorded_at, link.recorded_at) if at else None,
    )


def stored_event_title(kind: str, schema_version: int, payload: str) -> str:
    """The title of a stored event; an event that cannot be decoded has a title, too, and never ends the feed."""
    try:
        return event_text(decode(EncodedEvent(kind, schema_version, payload.encode()))).title
    except (ValueError, AttributeError):  # invalid or of an unknown kind; a payload that is not text
        return "An event that cannot be read"


def max_steps_of(task_id: TaskId, reset_payload: Any) -> int:
    """Max steps of an episode by its stored reset; if that cannot be read, those of a new episode of the task."""
    try:
        return int(from_json(reset_payload)["max_steps"])
    except (ValueError, TypeError, KeyError):
        return TASKS[task_id].max_steps()


def _result(event: Event, view: EvidenceView) -> dict[str, Any] | None:
    if isinstance(event, EpisodeExpired):
        return None
    result: dict[str, Any] = from_json(view.result_of(event))
    return result
