"""What the server calls itself."""

from __future__ import annotations

from typing import Final

NAME: Final = "mlops-debug"
ENVIRONMENT: Final = "mlops_debug_env"
"""The name in the manifest, which OpenEnv's routes begin with."""
VERSION: Final = "0.1.0"
DESCRIPTION: Final = (
    "Investigate a machine-learning training run that really happened, in which one thing is wrong, or on the expert "
    "task none, one or two, and submit a diagnosis that a deterministic grader checks by running the training again."
)
