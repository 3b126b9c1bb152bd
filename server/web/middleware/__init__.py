"""ASGI middleware and the HTTP protocol class of uvicorn."""
