"""Where in an agent's code an error was raised."""

from __future__ import annotations

import traceback
from itertools import dropwhile
from pathlib import Path

from mlops_debug_env.agents.llm.errors import ModelUnavailableError
from mlops_debug_env.protocol.errors import MlopsDebugError

MAX_FRAMES = 30
_RUNNER = Path(__file__).parent


def agent_frames(error: BaseException) -> list[str]:
    """The frames from the agent's own code to the place where it failed; empty for errors of this package, whose message says it all."""
    if isinstance(error, MlopsDebugError | ModelUnavailableError):
        return []
    frames = dropwhile(lambda frame: _RUNNER in Path(frame.filename).parents, traceback.extract_tb(error.__traceback__))
    return [_described(frame) for frame in frames][-MAX_FRAMES:]


def _described(frame: traceback.FrameSummary) -> str:
    return f"{frame.filename}:{frame.lineno} in {frame.name}: {frame.line or ''}".rstrip(": ")
