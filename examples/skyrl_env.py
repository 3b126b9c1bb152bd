"""The environment for SkyRL, as one of skyrl-gym: text in, text out; an action is a JSON object, as in `mlops_debug_env` without tools.

    mlops-debug serve &
    pip install skyrl-gym
    python examples/skyrl_env.py

In a training script call `register()` before the trainer starts, and give each row of the data `env_class: mlops_debug` and
`extra_info` with `task_id` and `seed`. MLOPS_DEBUG_URL names another server.
"""

from __future__ import annotations

import json
import os
from typing import Any

import skyrl_gym
from skyrl_gym.envs.base_text_env import BaseTextEnv, BaseTextEnvStepOutput

from mlops_debug_env.agents.llm.replies import IllegalReplyError, read_json_reply
from mlops_debug_env.agents.llm.tools import instructions_of
from mlops_debug_env.harnesses.tool_episode import ToolEpisode
from mlops_debug_env.transport.async_client import DEFAULT_URL, DebugClient
from mlops_debug_env.transport.sync_client import LoopThread

ENV_ID = "mlops_debug"
WASTED_TURNS = 4
"""Answers without a legal action that a rollout may have."""


class MlopsDebugEnv(BaseTextEnv):
    """One rollout. Its rewards are those of the server: their sum is the reward of the rollout."""

    def __init__(self, env_config: Any = None, extras: dict[str, Any] | None = None) -> None:
        super().__init__()
        row = (extras or {}).get("extra_info", extras or {})
        self._loop = LoopThread()
        self._client = DebugClient(os.environ.get("MLOPS_DEBUG_URL") or DEFAULT_URL)
        self._episode = self._loop.run(
            ToolEpisode.begin(
                self._client, task_id=row.get("task_id", "easy"), seed=int(row["seed"]), split="train", agent="skyrl"
            )
        )
        self._names = frozenset(tool.name for tool in self._episode.tools)
        self.max_turns = self._episode.max_steps + WASTED_TURNS

    def init(self, prompt: list[dict[str, str]]) -> tuple[list[dict[str, str]], dict[str, Any]]:
        """The messages to begin with; those of the row come between instructions and task."""
        system = f"{self._episode.instructions}\n\n{instructions_of(self._episode.tools)}"
        briefing = {"role": "user", "content": self._episode.briefing}
        return [{"role": "system", "content": system}, *prompt, briefing], {"episode_id": self._episode.episode_id}

    def step(self, action: str) -> BaseTextEnvStepOutput:
        """Carry out the action in a model's answer; an answer without one is told so and costs a turn."""
        self.turns += 1
        earned = self._episode.total_reward
        try:
            wanted = read_json_reply(action, self._names).action.to_wire()
            answered = self._loop.run(self._episode.call(wanted.pop("action_type"), wanted))
            text = answered.text
        except IllegalReplyError as error:
            text = str(error)
        if self.turns >= self.max_turns and not self._episode.is_done:
            self._loop.run(self._episode.finish())
        return BaseTextEnvStepOutput(
            observations=[] if self._episode.is_done else [{"role": "user", "content": text}],
            reward=self._episode.total_reward - earned,
            done=self._episode.is_done,
            metadata={"episode_id": self._episode.episode_id, "score": self._episode.score},
        )

    def get_metrics(self) -> dict[str, Any]:
        return {"score": self._episode.score or 0.0, "turns": self.turns}

    def close(self) -> None:
        self._loop.run(self._client.close())
        self._loop.close()


def register() -> None:
    """Make the environment known by its name."""
    skyrl_gym.register(id=ENV_ID, entry_point=MlopsDebugEnv)


def main() -> None:
    register()
    env = skyrl_gym.make(ENV_ID, env_config={}, extras={"extra_info": {"task_id": "medium", "seed": 5}})
    messages, _ = env.init([])
    print(messages[-1]["content"].splitlines()[0])
    answers = [
        {"action_type": "inspect_preprocessing"},
        {"action_type": "run_sanity_check", "sanity_check_type": "data_leakage"},
        {
            "action_type": "submit_diagnosis",
            "failure_category": "data_leakage",
            "root_cause_file": "preprocessing.py",
            "root_cause_field": "StandardScaler.fit_transform",
            "patch": [{"file": "preprocessing.py", "field": "StandardScaler.fit_transform", "value": "train"}],
            "confidence": 0.9,
        },
    ]
    for each in answers:
        answered = env.step(json.dumps(each))
        print(f"{each['action_type']}: reward {answered['reward']:.2f}, done {answered['done']}")
    print(f"score {answered['metadata']['score']}")
    env.close()


if __name__ == "__main__":
    main()
