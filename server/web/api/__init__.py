"""Handlers of the REST API and of the OpenEnv WebSocket.

- ``episodes``: reset, step, state and events; ``sessions``: the same on keyed sessions
- ``rounds``: leaderboard, public key, checkpoint
- ``meta``: tasks, health, readiness, metrics, metadata, schema
- ``tasks``: OpenEnv's Task API
- ``websocket``: OpenEnv's WebSocket protocol (``SocketEndpoint``)
"""
