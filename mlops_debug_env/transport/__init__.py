"""Connections to a server.

``async_client``    `DebugClient`
``sync_client``     `SyncDebugClient`
``session_socket``  `SessionSocket`: the WebSocket of a session
``http_reader``     GET requests
``retry``           `Retrying`: what is sent again, and when
``belonging``       `Belonging`: the process and the event loop of a client
``url``             `Address`, `parse_address`
"""
