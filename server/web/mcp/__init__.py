"""The Model Context Protocol: every action is a tool, and every tool call is a step in the same log.

- ``jsonrpc``: requests, results and errors of JSON-RPC 2.0
- ``tools``: the list of tools, and the action that a call means
- ``targets``: the episode that the tools play, and whether they serve an agent
- ``handler``: what each method does for a session (``McpSession``)
- ``http``, ``websocket``: the two transports
"""
