"""The server process that examples play against."""

from __future__ import annotations

from tests.e2e.conftest import own_server

__all__ = ["own_server"]
