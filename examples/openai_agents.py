"""An agent of the OpenAI Agents SDK that diagnoses one training run; its tools come from ``mlops-debug mcp``.

pip install openai-agents
python examples/openai_agents.py --model gpt-5-mini --task hard --seed 3
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from agents import Agent, OpenAIChatCompletionsModel, Runner, set_tracing_disabled
from agents.items import ToolCallItem, ToolCallOutputItem
from agents.mcp import MCPServerStdio
from openai import AsyncOpenAI

ASKED = "Diagnose the training run. Call show_task first, and submit your diagnosis at the end."
MAX_TURNS = 60


async def play(model: str, task: str, seed: str) -> None:
    set_tracing_disabled(True)  # nothing is sent elsewhere
    arguments = ["-m", "mlops_debug_env", "mcp", "--task", task, "--seed", seed, "--agent", "openai-agents"]
    async with MCPServerStdio(
        {"command": sys.executable, "args": arguments}, client_session_timeout_seconds=120
    ) as server:
        chat = OpenAIChatCompletionsModel(model=model, openai_client=AsyncOpenAI())
        agent = Agent(name="debugger", instructions=ASKED, model=chat, mcp_servers=[server])
        result = await Runner.run(agent, "Begin.", max_turns=MAX_TURNS)
    for item in result.new_items:
        if isinstance(item, ToolCallItem):
            print(f"-> {getattr(item.raw_item, 'name', '')} {getattr(item.raw_item, 'arguments', '')}")
        elif isinstance(item, ToolCallOutputItem):
            print(f"<- {str(item.output)[:300]}")
    print(result.final_output)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--task", default="medium")
    parser.add_argument("--seed", default="5")
    given = parser.parse_args()
    asyncio.run(play(given.model, given.task, given.seed))
