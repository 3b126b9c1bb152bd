"""The other side of the wire. Speaks HTTP and WebSocket only; cannot reach the truth."""

from mlops_debug_env.protocol.errors import MlopsDebugError
from mlops_debug_env.transport.async_client import DebugClient
from mlops_debug_env.transport.sync_client import SyncDebugClient
from mlops_debug_env.version import VERSION

__all__ = ["DebugClient", "MlopsDebugError", "SyncDebugClient", "__version__"]
__version__ = VERSION
