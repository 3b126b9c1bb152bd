"""The taskset of verifiers under the name by which ``vf-eval mlops-debug-v1`` finds it: an id there is a top-level module."""

from __future__ import annotations

from mlops_debug_env.harnesses.verifiers_taskset import MlopsDebugTaskset

__all__ = ["MlopsDebugTaskset"]
