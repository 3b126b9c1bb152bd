"""Templates to answers: one environment with autoescape, and the headers that every page leaves with."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Mapping

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from server.version import NAME, VERSION
from server.web.pages.formatting import FILTERS

HERE = Path(__file__).resolve().parent
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # A path may hold the id of a running episode, which is a secret.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_ONE_YEAR = "public, max-age=31536000, immutable"


class Renderer:
    """The templates of this folder."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(FILTERS)
        self._environment.globals.update(static=static_paths().__getitem__, product=NAME, version=VERSION)

    def page(
        self, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **view: Any
    ) -> Response:
        """A page; ``view`` is what its template names. Nothing of it is kept by caches: it shows a moment."""
        body = self._environment.get_template(template).render(view)
        sent = {**SECURITY_HEADERS, "Cache-Control": "no-store", **(headers or {})}
        return Response(body, status_code=status, media_type="text/html", headers=sent)


def static_paths() -> dict[str, str]:
    """Each static file's address with a digest of its content, so that caches may keep it for ever."""
    folder = HERE / "static"
    files = (file for file in sorted(folder.rglob("*")) if file.suffix in (".css", ".js", ".svg"))
    return {
        (name := file.relative_to(folder).as_posix()): f"/static/{name}?v={_digest(file.read_bytes())}"
        for file in files
    }


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


class PageFiles(StaticFiles):
    """The static files, with the headers of the pages."""

    def __init__(self) -> None:
        super().__init__(directory=HERE / "static")

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(SECURITY_HEADERS)
        if response.status_code == 200 and scope.get("query_string"):
            response.headers["Cache-Control"] = _ONE_YEAR
        return response
