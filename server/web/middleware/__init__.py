"""ASGI middleware, in the order in which a connection passes it, and the HTTP protocol class of uvicorn.

- ``header_timeout``: time and size limit of request headers, in uvicorn's protocol (``HeaderTimeoutProtocol``)
- ``access_log``: metrics and a log line for each request (``RequestMetricsMiddleware``)
- ``browser_security``: host, origin and security headers (``HostOriginMiddleware``)
- ``authentication``: API keys and their scopes (``AuthenticationMiddleware``)
- ``refusal``: the response to a connection that one of them refuses
"""
