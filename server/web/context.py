"""What handlers share: the services of the application, and the response of a handler that answers with JSON."""

from __future__ import annotations

from typing import Mapping

from starlette.requests import HTTPConnection
from starlette.responses import Response

from server.services import Services


def services_of(connection: HTTPConnection) -> Services:
    """The services of the application that serves this request or WebSocket."""
    services: Services = connection.app.state.services
    return services


def json_response(body: bytes, headers: Mapping[str, str] | None = None, *, status: int = 200) -> Response:
    """The response with this body, which is JSON already."""
    return Response(body, status_code=status, media_type="application/json", headers=headers)
