"""A resources server of NeMo Gym: each session plays one episode, its tools are the actions, and its reward is the server's score.

    mlops-debug serve &
    pip install nemo-gym
    python examples/nemo_gym_server.py --write-rows rows.jsonl --entries 8

In a Gym checkout this file is ``resources_servers/mlops_debug/app.py``; a row has the tools, the instructions and, for ``/seed_session``,
``task_id`` and ``seed``. MLOPS_DEBUG_URL names another server.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from nemo_gym.base_resources_server import (
    BaseResourcesServerConfig,
    BaseSeedSessionRequest,
    BaseSeedSessionResponse,
    BaseVerifyRequest,
    BaseVerifyResponse,
    SimpleResourcesServer,
)
from nemo_gym.server_utils import SESSION_ID_KEY
from pydantic import BaseModel, ConfigDict, PrivateAttr

from mlops_debug_env.agents.llm.tools import tools_for, tools_of
from mlops_debug_env.agents.prompt import system_prompt
from mlops_debug_env.harnesses.tool_episode import ToolEpisode
from mlops_debug_env.protocol.actions import action_schema
from mlops_debug_env.suites import read_suite
from mlops_debug_env.transport.async_client import DEFAULT_URL, DebugClient

SHOW_TASK = "show_task"


class Scenario(BaseSeedSessionRequest):
    """Which scenario a session plays."""

    task_id: str
    seed: int


class Arguments(BaseModel):
    """The arguments of a tool, whatever they are: a mistake is an answer, not a 422."""

    model_config = ConfigDict(extra="allow")


class Shown(BaseModel):
    """What a tool shows."""

    output: str


class ScoredResponse(BaseVerifyResponse):
    """The reward, and whether a diagnosis was submitted."""

    submitted: bool


class MlopsDebugServer(SimpleResourcesServer):
    """Plays an episode for each session."""

    config: BaseResourcesServerConfig
    _playing: dict[str, tuple[DebugClient, ToolEpisode]] = PrivateAttr(default_factory=dict)

    def setup_webserver(self) -> FastAPI:
        app = super().setup_webserver()
        app.post(f"/{SHOW_TASK}")(self.show_task)
        for name in action_schema()["discriminator"]["mapping"]:
            app.post(f"/{name}")(self._tool(name))
        return app

    async def seed_session(self, request: Request, body: Scenario) -> BaseSeedSessionResponse:
        client = DebugClient(os.environ.get("MLOPS_DEBUG_URL") or DEFAULT_URL)
        named: dict[str, Any] = {"task_id": body.task_id, "seed": body.seed}
        episode = await ToolEpisode.begin(client, **named, split="train", agent="nemo-gym")
        self._playing[request.session[SESSION_ID_KEY]] = client, episode
        return BaseSeedSessionResponse()

    async def show_task(self, request: Request) -> Shown:
        return Shown(output=self._playing[request.session[SESSION_ID_KEY]][1].briefing)

    def _tool(self, name: str) -> Any:
        async def call(request: Request, body: Arguments) -> Shown:
            _, episode = self._playing[request.session[SESSION_ID_KEY]]
            return Shown(output=(await episode.call(name, body.model_dump())).text)

        call.__annotations__ = {"request": Request, "body": Arguments, "return": Shown}
        return call

    async def verify(self, request: Request, body: BaseVerifyRequest) -> ScoredResponse:
        client, episode = self._playing.pop(request.session[SESSION_ID_KEY])
        state = await episode.finish()
        await client.close()
        return ScoredResponse(**body.model_dump(), reward=state.score or 0.0, submitted=not state.truncated)


def row_of(task_id: Any, seed: int) -> dict[str, Any]:
    """A row of the data: what the model is sent, and what the session is begun with."""
    tools = [
        {
            "name": SHOW_TASK,
            "description": "Show the task, the run and the fields that a diagnosis may name.",
            "parameters": {"type": "object", "properties": {}},
        },
        *(tool.as_openai()["function"] for tool in tools_for(tools_of(action_schema()), task_id)),
    ]
    asked = f"{system_prompt(task_id)} Call {SHOW_TASK} first."
    return {
        "responses_create_params": {
            "input": [{"role": "user", "content": asked}],
            "tools": [{"type": "function", "strict": False, **each} for each in tools],
            "parallel_tool_calls": False,
        },
        "task_id": task_id,
        "seed": seed,
    }


if __name__ == "__main__":
    if "--write-rows" in sys.argv:
        parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--write-rows", type=Path, required=True)
        parser.add_argument("--suite", default="practice-2")
        parser.add_argument("--entries", type=int)
        given = parser.parse_args()
        chosen = read_suite(given.suite).entries[: given.entries]
        given.write_rows.write_text("".join(f"{json.dumps(row_of(each.task_id, each.seed))}\n" for each in chosen))
    else:
        MlopsDebugServer.run_webserver()
