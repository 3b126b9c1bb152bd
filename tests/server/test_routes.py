"""Every route is reached by its own path: the Task API, whose paths begin with a parameter, hides none."""

from __future__ import annotations

import re

import pytest
from starlette.routing import Match, Mount, Route, WebSocketRoute

from server.routes import ROUTES

OPERATIONS = [
    (kind, method, route)
    for route in ROUTES
    if not isinstance(route, Mount)
    for kind, methods in [("http", route.methods or set()) if isinstance(route, Route) else ("websocket", {""})]
    for method in sorted(methods)
]


@pytest.mark.parametrize(
    ("kind", "method", "route"), OPERATIONS, ids=[f"{kind} {method} {route.path}" for kind, method, route in OPERATIONS]
)
def test_the_first_route_that_fits_a_path_is_the_one_with_that_path(
    kind: str, method: str, route: Route | WebSocketRoute
) -> None:
    path = re.sub(r"{\w+}", "x", route.path)
    scope = {"type": kind, "method": method, "path": path, "root_path": ""}
    first = next(each for each in ROUTES if each.matches(scope)[0] is Match.FULL)
    assert first is route
