"""The path of `mlops_debug_env.agents.prompt` in 0.1.0."""

from __future__ import annotations

from mlops_debug_env.agents.prompt import describe_episode as describe_episode
from mlops_debug_env.agents.prompt import show_result as show_result
