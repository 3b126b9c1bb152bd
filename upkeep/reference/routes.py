"""Operations, pages and sockets, and the problems they answer with."""

from __future__ import annotations

from typing import Iterable

from starlette.routing import Mount, Route, WebSocketRoute

from server.app import create_app
from server.settings import Settings
from server.web.openapi.operations import OPERATIONS
from server.web.problem_details import PROBLEM_TYPES
from upkeep.reference.markdown import code, table


def render() -> str:
    tags = list(dict.fromkeys(each.tag for each in OPERATIONS))
    parts = [
        "Every operation of `/openapi.json`, which has the schemas and examples; [wire.md](wire.md) has requests and answers in\n"
        "full. Beside the codes below, any operation may answer with `key_required`, `forbidden`, `origin_refused` and `wrong_host`.\n"
    ]
    for tag in tags:
        rows = (
            (f"`{each.method} {each.path}`", each.summary, code(dict.fromkeys(each.problems)))
            for each in OPERATIONS
            if each.tag == tag
        )
        parts.append(f"\n## {tag}\n\n" + table(("operation", "what", "problems"), rows))
    parts.append("\n## WebSockets\n\n" + table(("path",), ((f"`{path}`",) for path in _sockets())))
    parts.append("\n## Pages\n\n" + table(("page",), ((f"`{name}`",) for name in _pages())))
    problems = (
        (f"`{each.code}`", str(each.status), each.title, each.example()["detail"]) for each in PROBLEM_TYPES.values()
    )
    parts.append("\n## Problems\n\n" + table(("code", "status", "title", "for example"), problems))
    return "".join(parts)


def _sockets() -> Iterable[str]:
    return (route.path for route in create_app(Settings()).routes if isinstance(route, WebSocketRoute))


def _pages() -> Iterable[str]:
    known = {(each.method, each.path) for each in OPERATIONS}
    for route in create_app(Settings()).routes:
        if isinstance(route, Mount):
            yield f"GET {route.path}/…"
        elif isinstance(route, Route):
            for method in sorted((route.methods or set()) - {"HEAD"}):
                if (method, route.path) not in known:
                    yield f"{method} {route.path}"
