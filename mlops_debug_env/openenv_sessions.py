"""Sessions for the harnesses of OpenEnv (``openenv.core.harness``): one episode each, played by tools. Needs the extra ``openenv``.

The harness begins, ends and verifies; the tools are the ten actions. An invalid call is a refused step, so that no rollout is
lost by one, and a rollout that stops without a diagnosis is ended and earns the least.
"""

from __future__ import annotations

from typing import Any, Mapping

from mlops_debug_env.agents.prompt import describe_episode, describe_result
from mlops_debug_env.protocol.observations import ResetObservation
from mlops_debug_env.protocol.types import RewardMode
from mlops_debug_env.transport.async_client import DEFAULT_URL
from mlops_debug_env.transport.sync_client import SyncDebugClient

try:
    from openenv.core.env_server.mcp_types import Tool
    from openenv.core.harness import ResourceSession, ResourceSessionFactory, ToolResult, VerifyResult
except ImportError as error:
    raise ImportError(
        "The sessions of OpenEnv's harnesses need the package openenv: pip install 'openenv-mlops-debug-env[openenv]'."
    ) from error

__all__ = ["MlopsDebugSession", "MlopsDebugSessionFactory"]

_OF_A_TASK = ("task_id", "split", "index", "seed", "round", "entry", "attempt")
"""Keys of a task that a reset takes: those of the Task API and of a ranked round."""
_OUTER = ("action_type", "metadata")


class MlopsDebugSession(ResourceSession):
    """One episode, begun already."""

    def __init__(self, client: SyncDebugClient, reset: Mapping[str, Any]) -> None:
        self._client = client
        try:
            begun = client.reset(**reset)
            self._tools = _tools(client.schema()["action"])
        except BaseException:
            client.close()
            raise
        if not isinstance(begun.observation, ResetObservation):
            raise TypeError("the server answered a reset with the observation of a step")
        self._first = describe_episode(begun.observation)
        self._is_done = begun.done

    def initial_messages(self) -> list[dict[str, Any]]:
        """The description of the episode, as one message of the user."""
        return [{"role": "user", "content": self._first}]

    def list_tools(self) -> list[Tool]:
        """The actions."""
        return list(self._tools)

    def call_tool(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        """Take a step; also with a tool that does not exist, which is a refused one."""
        answered = self._client.step({**arguments, "action_type": name})
        seen = answered.observation
        self._is_done = answered.done
        result = seen.last_action_result
        return ToolResult(
            data=describe_result(result, step=seen.step_count, max_steps=seen.max_steps),
            done=answered.done,
            metadata={"reward": answered.reward, "step": seen.step_count},
            error=result.message if result.status == "refused" else None,
        )

    def verify(self, transcript: list[dict[str, Any]], final_state: Any | None = None) -> VerifyResult:
        """The score of the episode; one that has not ended is ended."""
        state = self._client.state() if self._is_done else self._client.abandon()
        self._is_done = True
        measured = {"steps": state.step_count, "total_reward": state.total_reward, "truncated": state.truncated}
        return VerifyResult(
            env_reward=state.score,
            done=True,
            metrics={"score": state.score, **measured},
            artifacts={"episode_id": state.episode_id},
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class MlopsDebugSessionFactory(ResourceSessionFactory[MlopsDebugSession]):
    """``factory.create(task)``: an episode on the task, in a session of its own.

    Args:
        base_url: where the server is.
        api_key: none: the server asks for none.
        agent: name to record.
        reward_mode: of the steps; with ``sparse`` the rewards sum to the score.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        api_key: str | None = None,
        agent: str | None = None,
        reward_mode: RewardMode = "sparse",
    ) -> None:
        self._base_url = base_url
        self._api_key = api_key
        self._always = {"agent": agent, "reward_mode": reward_mode, "control": "agent", "invalid_actions": "step"}

    def create(self, task: Any, seed: int | None = None, episode_id: str | None = None) -> MlopsDebugSession:
        """Begin an episode.

        Args:
            task: an object of the Task API, or another with keys of a reset; or the name of a task; None: easy.
            seed: of the scenario, unless the task names one or is numbered.
            episode_id: None: a random one.
        """
        named = {"task_id": task} if isinstance(task, str) else dict(task or {})
        reset = {key: named[key] for key in _OF_A_TASK if named.get(key) is not None}
        if seed is not None and "index" not in reset:
            reset.setdefault("seed", seed)
        client = SyncDebugClient(self._base_url, api_key=self._api_key)
        return MlopsDebugSession(client, {**self._always, **reset, "episode_id": episode_id})


def _tools(schema: Mapping[str, Any]) -> list[Tool]:
    """A tool for each action of the server's published schema."""
    definitions = schema["$defs"]
    by_name = {name: definitions[where.rsplit("/", 1)[1]] for name, where in schema["discriminator"]["mapping"].items()}
    return [_tool(name, each, definitions) for name, each in by_name.items()]


def _tool(name: str, action: Mapping[str, Any], definitions: Mapping[str, Any]) -> Tool:
    inputs = {
        "type": "object",
        "properties": {key: value for key, value in action["properties"].items() if key not in _OUTER},
        "required": [key for key in action.get("required", []) if key not in _OUTER],
        "additionalProperties": False,
        "$defs": {key: value for key, value in definitions.items() if f"'#/$defs/{key}'" in repr(action)},
    }
    return Tool(name=name, description=action["description"], input_schema=inputs)
