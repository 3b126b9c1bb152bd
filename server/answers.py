"""Assembles answers from bytes: the observation, and beside it what names the episode and, after the end, the truth."""

from __future__ import annotations

from typing import Any, NamedTuple

from domain.episode import EpisodeState
from domain.evidence_view import encode_json
from domain.scenario import Truth
from server.identity import given_name


class Answer(NamedTuple):
    """What a reset or a step is answered with."""

    episode_id: str
    """Its name on this server; ``info`` says what its client calls it."""
    version: int
    """The episode's version after the step."""
    shown: bytes
    """``"observation":…,"reward":…,"done":…``, without braces."""
    info: bytes
    """A JSON object."""

    def rest(self) -> bytes:
        """The body of a REST answer."""
        return b"".join((b"{", self.shown, b',"info":', self.info, b',"metadata":', self.info, b"}"))

    def frame(self) -> bytes:
        """The text of a WebSocket answer."""
        return b"".join((b'{"type":"observation","data":{', self.shown, b',"metadata":', self.info, b"}}"))


def answer(
    episode_id: str, state: EpisodeState, shown: bytes, truth: Truth, receipt: dict[str, Any] | None = None
) -> Answer:
    """The answer for a state; ``truth`` and the signed ``receipt`` are looked at only after the end."""
    info: dict[str, Any] = {
        "episode_id": given_name(episode_id),
        "version": state.version,
        "task_id": state.reset.task_id,
        "step_count": state.step_count,
        "max_steps": state.reset.max_steps,
        "truncated": state.is_truncated,
    }
    if state.ended is not None:
        info |= _after_the_end(state, truth) | {"receipt": receipt}
    return Answer(episode_id, state.version, shown, encode_json(info))


def state_json(episode_id: str, state: EpisodeState, truth: Truth) -> bytes:
    """The one object that every state request is answered with."""
    return encode_json(
        {
            "episode_id": given_name(episode_id),
            "step_count": state.step_count,
            "task_id": state.reset.task_id,
            "max_steps": state.reset.max_steps,
            "done": state.ended is not None,
            "truncated": state.is_truncated,
            "total_reward": state.total_reward,
            "score": state.score,
            "artifacts_read": state.artifacts_read,
            "checks_run": state.checks_run,
            "ground_truth": truth.reveal() if state.ended is not None else None,
        }
    )


def _after_the_end(state: EpisodeState, truth: Truth) -> dict[str, Any]:
    breakdown = state.breakdown
    return {
        "score": state.score,
        "brier": state.brier,
        "seed": shown_seed(state),
        "breakdown": breakdown.model_dump(mode="json") if breakdown is not None else None,
        "ground_truth": truth.reveal(),
        "investigation": state.investigation().model_dump(mode="json"),
    }


def shown_seed(state: EpisodeState) -> int | str:
    """A ranked seed has 128 bits, more than a JSON number holds everywhere: 32 hex digits."""
    return state.reset.seed if state.reset.round is None else f"{state.reset.seed:032x}"
