"""The path of `mlops_debug_env.protocol.grade` in 0.1.0. New code imports from `mlops_debug_env`."""

from __future__ import annotations

from mlops_debug_env.protocol.grade import *  # noqa: F403 - all that the module had
