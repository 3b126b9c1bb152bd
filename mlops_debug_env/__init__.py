"""The other side of the wire. Speaks HTTP and WebSocket only; cannot reach the truth."""

__version__ = "0.1.0"
