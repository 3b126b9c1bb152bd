"""The signed receipt that ends an episode: what the agent can show if the record should later say otherwise."""

from __future__ import annotations

from typing import Any

from domain.chain import Head
from domain.episode import EpisodeState
from server.session_names import is_guessable
from server.signing import Signer


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
