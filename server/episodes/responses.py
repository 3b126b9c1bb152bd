"""Assembles responses from bytes: the observation, the episode's metadata and, after the end, the truth and the receipt."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from domain.chain import Head
from domain.episode.decide import EpisodeState
from domain.json import encode_json
from domain.scenario import Composition, Truth
from server.security.identity import given_name
from server.security.session_names import is_guessable
from server.security.signing import Signer
from server.storage.stream_codec import EpisodeSnapshot


class StepResponse(NamedTuple):
    """What a reset or a step is answered with."""

    episode_id: str
    """Its name on this server; ``info`` says what its client calls it."""
    version: int
    """The episode's version after the step."""
    shown: bytes
    """``"observation":…,"reward":…,"done":…``, without braces."""
    info: bytes
    """A JSON object."""
    agent_info: bytes
    """The same for the tools of MCP: without truth and seed where the episode was begun for an agent."""

    def to_http(self) -> bytes:
        """The body of a REST answer."""
        return b"".join((b"{", self.shown, b',"info":', self.info, b',"metadata":', self.info, b"}"))

    def to_frame(self) -> bytes:
        """The text of a WebSocket answer."""
        return b"".join((b'{"type":"observation","data":{', self.shown, b',"metadata":', self.info, b"}}"))


def build_response(
    episode_id: str, snapshot: EpisodeSnapshot, shown: bytes, truth: Truth | Composition, signer: Signer
) -> StepResponse:
    """The answer for a snapshot; after the end with the ``truth`` and a signed receipt."""
    state = snapshot.state
    reset = state.reset
    # Formatted without a JSON encoder, because it is part of every step. The name is the only text that a client chose.
    info = b'{"episode_id":%b,"version":%d,"task_id":"%b","step_count":%d,"max_steps":%d,"truncated":%b' % (
        _name_json(episode_id),
        state.version,
        reset.task_id.encode(),
        state.step_count,
        reset.max_steps,
        b"true" if state.is_truncated else b"false",
    )
    if state.ended is None:
        running = info + b"}"
        return StepResponse(episode_id, state.version, shown, running, running)
    receipt = sign_receipt(signer, episode_id, state, snapshot.head)
    whole = info + b"," + encode_json(_after_the_end(state, truth, receipt))[1:]
    for_agent = info + b"," + encode_json(_without_truth(state))[1:] if reset.control == "agent" else whole
    return StepResponse(episode_id, state.version, shown, whole, for_agent)


@lru_cache(maxsize=4096)
def _name_json(episode_id: str) -> bytes:
    """What the client calls an episode, as JSON: the same at every step."""
    return encode_json(given_name(episode_id))


def state_json(episode_id: str, state: EpisodeState, truth: Truth | Composition, *, is_sealed: bool = False) -> bytes:
    """The one object that every state request is answered with. ``is_sealed``: without the truth, also after the end."""
    return encode_json(
        {
            "episode_id": given_name(episode_id),
            "step_count": state.step_count,
            "task_id": state.reset.task_id,
            "max_steps": state.reset.max_steps,
            "experiments_left": state.experiments_left,
            "done": state.ended is not None,
            "truncated": state.is_truncated,
            "total_reward": state.total_reward,
            "score": state.score,
            "artifacts_read": state.artifacts_read,
            "checks_run": state.checks_run,
            "ground_truth": truth.reveal() if state.ended is not None and not is_sealed else None,
        }
    )


def _after_the_end(state: EpisodeState, truth: Truth | Composition, receipt: dict[str, Any] | None) -> dict[str, Any]:
    breakdown = state.breakdown
    return {
        "score": state.score,
        "brier": state.brier,
        "seed": shown_seed(state),
        "breakdown": breakdown.model_dump(mode="json") if breakdown is not None else None,
        "ground_truth": truth.reveal(),
        "investigation": state.investigation().model_dump(mode="json"),
        "receipt": receipt,
    }


def _without_truth(state: EpisodeState) -> dict[str, Any]:
    """What an agent is told after the end: nothing that it could use in another attempt at the same scenario. The breakdown
    names faults, and a receipt has a hash of what the seed is part of."""
    return {
        "score": state.score,
        "brier": state.brier,
        "investigation": state.investigation().model_dump(mode="json"),
    }


def shown_seed(state: EpisodeState) -> int | str:
    """A ranked seed has 128 bits, more than a JSON number holds everywhere: 32 hex digits."""
    return state.reset.seed if state.reset.round is None else f"{state.reset.seed:032x}"


def receipt_statement(episode_id: str, state: EpisodeState, head: Head) -> dict[str, Any]:
    """What is signed of an episode that is over; follows from its events alone."""
    begun = state.reset
    return {
        "kind": "receipt",
        "episode_id": episode_id,
        "version": head.version,
        "head_hash": head.hash.hex(),
        "task_id": begun.task_id,
        "agent": begun.agent,
        "round": begun.round,
        "entry": begun.entry,
        "attempt": begun.attempt,
        "score": state.score,
        "end_reason": state.ended,
        "rubric_version": begun.rubric_version,
        "generator_version": begun.generator_version,
    }


def sign_receipt(signer: Signer, episode_id: str, state: EpisodeState, head: Head) -> dict[str, Any] | None:
    """The receipt of an episode that is over; none where its head would let the key of its session be guessed."""
    if is_guessable(state.reset.session, state.reset.key):
        return None
    return signer.sign(receipt_statement(episode_id, state, head))
