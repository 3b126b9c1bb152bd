"""Idempotency: detects a repeated reset or step, and rebuilds the state that the recorded response showed."""

from __future__ import annotations

from typing import Sequence

from domain.actions import (
    Action,
    InvalidAction,
    QueryArtifact,
    ReadArtifact,
    RunExperiment,
    RunSanityCheck,
    SubmitDiagnosis,
)
from domain.chain import Link, canonical
from domain.diagnosis import Diagnosis, PatchEntry
from domain.episode.decide import EpisodeState
from domain.events import (
    ActionRefused,
    ArtifactRead,
    CheckRun,
    DiagnosisSubmitted,
    EpisodeExpired,
    Event,
    ExperimentRun,
    FieldQueried,
)
from server.episodes.commands import AuthorizedReset
from server.security.session_names import SessionName
from server.storage.stream_codec import EpisodeSnapshot, decode_link, fold_links


def is_same_action(recorded: Event, action: Action) -> bool:
    """Whether the event is what came of the action."""
    match recorded:
        case ArtifactRead():
            return action == ReadArtifact(recorded.artifact, recorded.log_filter)
        case FieldQueried():
            return action == QueryArtifact(recorded.artifact, recorded.field)
        case ActionRefused(reason="invalid_action"):
            return isinstance(action, InvalidAction) and action.digest == recorded.sent_digest
        case ActionRefused(patch=None):
            return action == recorded.action
        case ExperimentRun(patch=patch) | ActionRefused(patch=tuple(patch)):
            return isinstance(action, RunExperiment) and _in_bytes(action.patch) == _in_bytes(patch)
        case CheckRun():
            return action == RunSanityCheck(recorded.check)
        case DiagnosisSubmitted():
            return isinstance(action, SubmitDiagnosis) and _in_bytes(action.diagnoses) == _in_bytes(recorded.diagnoses)
        case _:
            return False


def _in_bytes(said: Sequence[Diagnosis | PatchEntry]) -> bytes:
    """Diagnoses or a patch in canonical bytes: in Python 1, 1.0 and True are equal, as values of a patch they are not."""
    return canonical([each.model_dump(mode="json") for each in said])


def is_repeated_step(state: EpisodeState, action: Action, expected_version: int | None) -> bool:
    """Whether a step may repeat the latest one: the same action, at the version before it or at none. An
    episode that was closed since has no latest step to repeat."""
    if state.ended not in (None, "submitted", "steps"):
        return False
    events_of_step = 2 if state.ended == "steps" else 1
    return expected_version in (None, state.version - events_of_step) and is_same_action(state.last, action)


def state_after_request(links: Sequence[Link], request_id: str, action: Action) -> EpisodeSnapshot | None:
    """The snapshot after the step of a request id; None: that step was another action."""
    at = next(n for n, each in enumerate(links) if each.request_id == request_id)
    if not is_same_action(decode_link(links[at]), action):
        return None
    is_at_limit = at + 1 < len(links) and decode_link(links[at + 1]) == EpisodeExpired(reason="steps")
    return fold_links(links[: at + 2 if is_at_limit else at + 1])


def is_replayable_reset(authorized: AuthorizedReset, session: SessionName | None, state: EpisodeState) -> bool:
    """Whether a reset that names this episode may be answered with it: one that resumes it, or one that asks for just
    what was begun, where nothing happened since. A session takes up only what was begun on it, so that its current
    episode can be read from the log."""
    begun, request = state.reset, authorized.request
    if authorized.ranked is not None:
        # From wherever its key asks: a client that lost its session must not lose the attempt.
        return (begun.round, begun.agent, begun.entry, begun.attempt) == authorized.ranked.attempt
    if session is not None and begun.session not in session:
        return False
    if request.resume:
        return True
    if begun.control not in (None, request.wanted_control) or begun.invalid_actions != request.wanted_invalid_actions:
        return False
    same_seed = begun.seed == request.seed if request.seed is not None else not begun.seed_given
    same = (request.task_id or "easy", request.wanted_split, request.agent, request.reward_mode or "shaped")
    seed_source = begun.seed_given == (request.seed is not None)
    recorded = (begun.task_id, begun.split, begun.agent, begun.reward_mode)
    return state.version == 1 and seed_source and same_seed and same == recorded
