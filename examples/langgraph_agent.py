"""A LangGraph agent that diagnoses one training run; its tools come from ``mlops-debug mcp``, which starts a server and ends it.

pip install langgraph langchain langchain-mcp-adapters langchain-openai
python examples/langgraph_agent.py --model openai:gpt-5-mini --task hard --seed 3
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from langchain.agents import create_agent
from langchain.chat_models import init_chat_model
from langchain_mcp_adapters.sessions import StdioConnection, create_session
from langchain_mcp_adapters.tools import load_mcp_tools

ASKED = "Diagnose the training run. Call show_task first, and submit your diagnosis at the end."


async def play(model: str, task: str, seed: str) -> None:
    arguments = ["-m", "mlops_debug_env", "mcp", "--task", task, "--seed", seed, "--agent", "langgraph"]
    connection = StdioConnection(transport="stdio", command=sys.executable, args=arguments, env=None)
    # One session for the whole episode: by default an adapter opens one for each call, and each would be an episode.
    async with create_session(connection) as session:
        await session.initialize()
        agent = create_agent(init_chat_model(model), await load_mcp_tools(session))
        messages = {"messages": [{"role": "user", "content": ASKED}]}
        async for update in agent.astream(messages, {"recursion_limit": 100}, stream_mode="updates"):
            for part in update.values():
                for message in part["messages"]:
                    message.pretty_print()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--task", default="medium")
    parser.add_argument("--seed", default="5")
    given = parser.parse_args()
    asyncio.run(play(given.model, given.task, given.seed))
