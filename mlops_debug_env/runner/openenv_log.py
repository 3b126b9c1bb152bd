"""Prints episodes in the line format of the OpenEnv hackathon: [START], [STEP] and [END]."""

from __future__ import annotations

import json
from collections.abc import Callable

from mlops_debug_env.protocol.actions import Action
from mlops_debug_env.protocol.observations import StepResult
from mlops_debug_env.runner.observers import RunObserver
from mlops_debug_env.runner.records import EpisodeResult, PlannedEpisode
from mlops_debug_env.runner.summary import SUCCESS_AT

ENVIRONMENT = "mlops-debug"


class OpenEnvLog(RunObserver):
    """Prints the lines of an episode together when it ends, or at once if only one is played at a time.

    Args:
        write: prints one line.
        agent: who plays: the model's name where there is one.
        at_once: whether lines are printed as they come.
        success_at: score from which an episode is a success.
    """

    def __init__(
        self, write: Callable[[str], None], *, agent: str, at_once: bool, success_at: float = SUCCESS_AT
    ) -> None:
        self._write = write
        self._agent = agent
        self._at_once = at_once
        self._success_at = success_at
        self._pending: dict[str, list[str]] = {}
        self._rewards: dict[str, list[float]] = {}

    def on_start(self, planned: PlannedEpisode) -> None:
        self._pending[planned.episode_id] = []
        self._rewards[planned.episode_id] = []
        self._emit(planned.episode_id, f"[START] task={planned.entry.task_id} env={ENVIRONMENT} model={self._agent}")

    def on_step(self, planned: PlannedEpisode, step: int, action: Action, outcome: StepResult) -> None:
        reward = outcome.reward or 0.0
        self._rewards[planned.episode_id].append(reward)
        result = outcome.observation.last_action_result
        error = _one_word(result.message or result.reason or "refused") if result.status == "refused" else "null"
        self._emit(
            planned.episode_id,
            f"[STEP] step={step} action={_action_text(action)} reward={reward:.2f} done={_bool(outcome.done)} error={error}",
        )

    def on_finish(self, result: EpisodeResult) -> None:
        self._end(result.episode_id, is_success=result.score >= self._success_at, score=result.score)

    def on_failure(self, planned: PlannedEpisode, message: str) -> None:
        self.on_abort(planned)

    def on_abort(self, planned: PlannedEpisode) -> None:
        if planned.episode_id in self._pending:
            self._end(planned.episode_id, is_success=False, score=0.0)

    def _end(self, episode_id: str, *, is_success: bool, score: float) -> None:
        rewards = self._rewards.pop(episode_id)
        listed = ",".join(f"{each:.2f}" for each in rewards)
        self._emit(
            episode_id, f"[END] success={_bool(is_success)} steps={len(rewards)} score={score:.2f} rewards={listed}"
        )
        for line in self._pending.pop(episode_id):
            self._write(line)

    def _emit(self, episode_id: str, line: str) -> None:
        if self._at_once:
            self._write(line)
        else:
            self._pending[episode_id].append(line)


def _action_text(action: Action) -> str:
    wire = action.to_wire()
    name = wire.pop("action_type")
    given = ",".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in wire.items())
    return _one_word(f"{name}({given})")


def _one_word(text: str) -> str:
    """Fields are separated by spaces, so a field holds none."""
    return "_".join(text.split())


def _bool(value: bool) -> str:
    return "true" if value else "false"
