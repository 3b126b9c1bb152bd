"""Connections to a server: sessions, retries, HTTP."""
