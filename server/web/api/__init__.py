"""Handlers of the REST API and of the OpenEnv WebSocket."""
