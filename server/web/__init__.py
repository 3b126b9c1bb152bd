"""HTTP, WebSocket, MCP and HTML: requests in, bytes out."""
