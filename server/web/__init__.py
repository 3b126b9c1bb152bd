"""The web: decodes requests, calls the services, and encodes responses and errors. ``server.routes`` says which handler
answers which path.

Subpackages: ``api`` (REST handlers, the OpenEnv WebSocket, OpenEnv's Task API), ``mcp`` (Model Context Protocol),
``pages`` (HTML), ``openapi`` (the OpenAPI document and its viewer), ``middleware`` (ASGI middleware).

Modules:

- ``context``: ``services_of`` and ``json_response``, for every handler
- ``request_body``: reads a body up to the limits and validates it
- ``schemas``: the published JSON Schemas
- ``problem_details``: ``Problem`` and the table of problem types; ``error_mapping``: errors to problems by class, and the
  exception handlers of the application
- ``websocket_endpoint``: a WebSocket from handshake to close, for OpenEnv and MCP

This file imports nothing, so that a module of the room can be imported alone.
"""
