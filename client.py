"""The client, where OpenEnv's command line looks for it; the package has it as ``mlops_debug_env.client``."""

from mlops_debug_env.client import MlopsDebugAction, MlopsDebugEnv, MlopsDebugObservation, MlopsDebugState

__all__ = ["MlopsDebugAction", "MlopsDebugEnv", "MlopsDebugObservation", "MlopsDebugState"]
