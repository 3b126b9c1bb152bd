"""An episode's state: a fold over its events, and what each event earns.

Rule 1: `evolve` decides nothing and cannot fail on a valid history. Rule 2: reads, checks and limits are worth what the
rubric says that the reset records; a score is read from its event. Rule 3: an episode that ended has exactly one end.
"""

from __future__ import annotations

from typing import Iterable, NamedTuple, TypeVar

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
from domain.grade import Breakdown, ComposedBreakdown, Investigation
from domain.rubric import Rubric, rubric_of
from domain.types import ArtifactName, EndReason, SanityCheckName

_Name = TypeVar("_Name", bound=str)

SHOWN_DECIMALS = 4
"""Rewards are sums of hundredths and four-decimal scores: rounding keeps binary dust out of the sum."""


class EpisodeState(NamedTuple):
    """Everything that later decisions and answers need to know of an episode's past."""

    reset: EpisodeReset
    version: int
    """Number of events folded."""
    last: Event
    """The latest event that was an action, or the reset."""
    step_count: int = 0
    artifacts_read: tuple[ArtifactName, ...] = ()
    """In order of first success."""
    checks_run: tuple[SanityCheckName, ...] = ()
    reads: frozenset[tuple[ArtifactName, str | None]] = frozenset()
    """Artifact and normalised filter of every read so far."""
    duplicate_reads: int = 0
    refused: int = 0
    experiments: int = 0
    """How many were run."""
    last_reward: float | None = None
    """Reward of the latest step; None: no step yet."""
    total_reward: float = 0.0
    ended: EndReason | None = None
    """Why the episode ended; None: it is running."""
    score: float | None = None
    """None: the episode is running."""

    @property
    def rubric(self) -> Rubric:
        """The one that the episode was begun under."""
        return rubric_of(self.reset.rubric_version)

    @property
    def experiments_left(self) -> int:
        return max(0, self.reset.max_experiments - self.experiments)

    @property
    def is_truncated(self) -> bool:
        return self.ended is not None and self.ended != "submitted"

    @property
    def brier(self) -> float | None:
        """Brier score; None: no diagnosis, or one without a confidence."""
        return self.last.grade.brier if isinstance(self.last, DiagnosisSubmitted) else None

    @property
    def breakdown(self) -> Breakdown | ComposedBreakdown | None:
        """Breakdown of the grade; None: no diagnosis."""
        return self.last.grade.breakdown if isinstance(self.last, DiagnosisSubmitted) else None

    def investigation(self) -> Investigation:
        """What the agent had looked at."""
        return Investigation(
            artifacts_read=self.artifacts_read,
            checks_run=self.checks_run,
            duplicate_reads=self.duplicate_reads,
            refused=self.refused,
            steps=self.step_count,
        )


class InvalidHistoryError(ValueError):
    """Events that no run of `decide` can have produced."""


def fold(events: Iterable[Event]) -> EpisodeState | None:
    """The state after a whole stream; None: the stream is empty."""
    state: EpisodeState | None = None
    for event in events:
        state = evolve(state, event)
    return state


def evolve(state: EpisodeState | None, event: Event) -> EpisodeState:
    """The state after one more event."""
    if isinstance(event, EpisodeReset):
        if state is not None:
            raise InvalidHistoryError("an episode begins once")
        return EpisodeState(reset=event, version=1, last=event)
    if state is None:
        raise InvalidHistoryError(f"an episode begins with a reset, not with {event.kind!r}")
    if state.ended is not None:
        raise InvalidHistoryError(f"{event.kind!r} after the end")
    if isinstance(event, EpisodeExpired):
        return _after_expiry(state, event)
    return _after_step(state, event)


def _after_expiry(state: EpisodeState, event: EpisodeExpired) -> EpisodeState:
    # Only the step limit ends an episode by a step; its reward belongs to that step.
    lowest = state.rubric.lowest_score
    earned = lowest if event.reason == "steps" else None
    reward = state.last_reward if earned is None else _sum(state.last_reward or 0.0, earned)
    return state._replace(
        version=state.version + 1,
        last_reward=reward,
        total_reward=_sum(state.total_reward, earned or 0.0),
        ended=event.reason,
        score=lowest,
    )


def _after_step(state: EpisodeState, event: Event) -> EpisodeState:
    artifacts_read, checks_run, reads = state.artifacts_read, state.checks_run, state.reads
    duplicate_reads, refused, experiments = state.duplicate_reads, state.refused, state.experiments
    ended, score = state.ended, state.score
    match event:
        case ArtifactRead():
            read = _read_key(event)
            artifacts_read = _with(artifacts_read, event.artifact)
            duplicate_reads += read in reads
            reads = reads | {read}
        case FieldQueried():
            artifacts_read = _with(artifacts_read, event.artifact)
        case CheckRun():
            checks_run = _with(checks_run, event.check)
        case ExperimentRun():
            experiments += 1
        case ActionRefused():
            refused += 1
        case DiagnosisSubmitted():
            ended, score = "submitted", event.grade.score
        case _:
            raise InvalidHistoryError(f"{event.kind!r} is no step")
    reward = reward_of(state, event)
    return EpisodeState(
        reset=state.reset,
        version=state.version + 1,
        last=event,
        step_count=state.step_count + 1,
        artifacts_read=artifacts_read,
        checks_run=checks_run,
        reads=reads,
        duplicate_reads=duplicate_reads,
        refused=refused,
        experiments=experiments,
        last_reward=reward,
        total_reward=_sum(state.total_reward, reward),
        ended=ended,
        score=score,
    )


def reward_of(state: EpisodeState, event: Event) -> float:
    """What one step earns, given the state before it."""
    if isinstance(event, DiagnosisSubmitted):
        return event.grade.score
    if state.reset.reward_mode == "sparse":
        return 0.0
    rubric = rubric_of(state.reset.rubric_version)
    match event:
        case ArtifactRead() | FieldQueried() if event.artifact not in state.artifacts_read:
            return rubric.new_artifact_reward
        case ArtifactRead() if _read_key(event) in state.reads:
            return rubric.repeated_read_reward
        case CheckRun() if event.check not in state.checks_run:
            return rubric.new_check_reward
        case _:
            return 0.0


def normalise_filter(log_filter: str | None) -> str | None:
    """The form in which filters are compared: trimmed, lower-case; None: no filter."""
    return (log_filter.strip().lower() or None) if log_filter is not None else None


def _read_key(event: ArtifactRead) -> tuple[ArtifactName, str | None]:
    return event.artifact, normalise_filter(event.log_filter) if event.log_filter is not None else None


def _with(seen: tuple[_Name, ...], one: _Name) -> tuple[_Name, ...]:
    return seen if one in seen else (*seen, one)


def _sum(total: float, reward: float) -> float:
    return round(total + reward, SHOWN_DECIMALS)
